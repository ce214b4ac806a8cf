//! Histories by hand.

use super::{Found, History, Invariant, Violation, check};
use crate::history::{
    Answer, Balance, Call, Entry, Mail, Money, Notification, Payment, ReadError, Record, Transaction, User,
};

/// A history that is being written, or rewritten.
#[derive(Clone, Debug)]
pub(super) struct Story {
    records: Vec<Record>,
    ops: u64,
}

impl Story {
    pub(super) fn new() -> Self {
        Self { records: vec![Record::Start { seed: 1, clients: 4 }], ops: 0 }
    }

    fn t(&self) -> u64 {
        1_000 * self.records.len() as u64
    }

    pub(super) fn begin(&mut self, client: u32, call: Call) -> u64 {
        self.ops += 1;
        let (op, t) = (self.ops, self.t());
        self.records.push(Record::Invoke { op, client, t, call });
        op
    }

    pub(super) fn ok(&mut self, op: u64, answer: Answer) {
        let t = self.t();
        self.records.push(Record::Ok { op, t, answer });
    }

    pub(super) fn fail(&mut self, op: u64, code: &str, reason: &str) {
        let (t, code, reason) = (self.t(), code.to_owned(), reason.to_owned());
        self.records.push(Record::Fail { op, t, code, reason });
    }

    pub(super) fn info(&mut self, op: u64) {
        let (t, code) = (self.t(), "UNAVAILABLE".to_owned());
        self.records.push(Record::Info { op, t, code });
    }

    /// A call by client 0 that succeeds.
    pub(super) fn done(&mut self, call: Call, answer: Answer) {
        let op = self.begin(0, call);
        self.ok(op, answer);
    }

    /// A call by client 0 of which nobody knows what came of it.
    pub(super) fn unknown(&mut self, call: Call) {
        let op = self.begin(0, call);
        self.info(op);
    }

    /// A call by client 0 that is refused.
    pub(super) fn refused(&mut self, call: Call, code: &str, reason: &str) {
        let op = self.begin(0, call);
        self.fail(op, code, reason);
    }

    pub(super) fn kill(&mut self) {
        self.fault("kill", "stack");
    }

    pub(super) fn fault(&mut self, fault: &str, target: &str) {
        let (t, fault, target) = (self.t(), fault.to_owned(), target.to_owned());
        self.records.push(Record::Fault { t, fault, target });
    }

    pub(super) fn quiet(&mut self) {
        let t = self.t();
        self.records.push(Record::Quiet { t, left: Vec::new() });
    }

    /// Quiet, but for this.
    pub(super) fn leave(&mut self, left: &str) {
        let (t, left) = (self.t(), vec![left.to_owned()]);
        self.records.push(Record::Quiet { t, left });
    }

    pub(super) fn found(&mut self, found: Found) {
        self.records.push(Record::Found(found));
    }

    /// Somebody who is there, with a profile and a welcome.
    pub(super) fn whole(&mut self, user: User, profile: User) {
        let id = user.user_id.clone();
        self.found(Found::Email { email: user.email.to_uppercase(), user_id: Some(id.clone()) });
        self.found(Found::User(user));
        self.found(Found::Profile(profile));
        self.mailed(&id, "welcome", "");
    }

    /// A notification that was sent once and arrived once.
    pub(super) fn mailed(&mut self, user: &str, template: &str, which: &str) {
        let message_id = format!("{user}/{template}{which}");
        self.found(Found::Notification(Notification {
            user_id: user.to_owned(),
            template: template.to_owned(),
            payment_id: None,
            message_id: message_id.clone(),
            state: "SENT".to_owned(),
        }));
        self.found(Found::Mail(Mail { message_id, deliveries: 1 }));
    }

    /// Somebody who is not there.
    pub(super) fn nobody(&mut self, id: &str, email: &str) {
        self.found(Found::NoUser { user_id: id.to_owned() });
        self.found(Found::NoProfile { user_id: id.to_owned() });
        self.found(Found::Email { email: email.to_owned(), user_id: None });
    }

    /// Changes what was found.
    pub(super) fn find(mut self, mut change: impl FnMut(&mut Found)) -> Self {
        for record in &mut self.records {
            if let Record::Found(found) = record {
                change(found);
            }
        }
        self
    }

    /// Changes what was asked for, under this request id.
    pub(super) fn ask(mut self, request: &str, change: impl Fn(&mut Call)) -> Self {
        let mut changed = false;
        for record in &mut self.records {
            if let Record::Invoke { call, .. } = record
                && call.request_id() == Some(request)
            {
                change(call);
                changed = true;
            }
        }
        assert!(changed, "there is no such request");
        self
    }

    /// The history without what was found and is so; at least one thing must be.
    pub(super) fn without(self, is_so: impl Fn(&Found) -> bool) -> Self {
        self.without_line(|record| matches!(record, Record::Found(found) if is_so(found)))
    }

    /// The history without such lines; at least one must be there.
    pub(super) fn without_line(mut self, is_so: impl Fn(&Record) -> bool) -> Self {
        let before = self.records.len();
        self.records.retain(|record| !is_so(record));
        assert!(self.records.len() < before, "there is no such line");
        self
    }

    /// With more at its end.
    pub(super) fn and(mut self, found: Found) -> Self {
        self.found(found);
        self
    }

    /// With more before it was quiet.
    pub(super) fn before_quiet(mut self, tell: impl FnOnce(&mut Self)) -> Self {
        let quiet = self.records.iter().position(|record| matches!(record, Record::Quiet { .. }));
        let end = self.records.split_off(quiet.unwrap());
        tell(&mut self);
        self.records.extend(end);
        self
    }

    /// Does away with a line, or puts it or a second one of it to another place, if there are so many.
    pub(super) fn move_line(&mut self, from: usize, to: usize) {
        if from < self.records.len() && to < self.records.len() {
            let line = self.records.remove(from);
            // Lost, moved or doubled.
            match from % 3 {
                0 => {}
                1 => self.records.insert(to, line),
                _ => {
                    self.records.insert(to, line.clone());
                    self.records.insert(from, line);
                }
            }
        }
    }

    /// Puts what was found into another order.
    pub(super) fn sort_found<K: Ord>(&mut self, key: impl Fn(&Record, usize) -> K) {
        let quiet = self.records.iter().position(|record| matches!(record, Record::Quiet { .. }));
        let found = self.records.split_off(quiet.unwrap() + 1);
        let mut found: Vec<_> = found.into_iter().enumerate().collect();
        found.sort_by_key(|(place, record)| key(record, *place));
        self.records.extend(found.into_iter().map(|(_, record)| record));
    }

    /// The history, to its end.
    pub(super) fn try_history(mut self) -> Result<History, ReadError> {
        let lines = self.records.len() as u64;
        self.records.push(Record::End { lines });
        self.cut_off()
    }

    /// The history, as a writer leaves it who was killed.
    pub(super) fn cut_off(self) -> Result<History, ReadError> {
        History::new(self.records)
    }

    pub(super) fn history(self) -> History {
        self.try_history().unwrap()
    }

    pub(super) fn broken(self) -> Vec<Violation> {
        check(&self.history()).broken
    }

    #[track_caller]
    pub(super) fn holds(self) {
        let broken = self.broken();
        assert!(broken.is_empty(), "{broken:#?}");
    }

    /// Breaks this invariant and no other one, in these words at least once.
    #[track_caller]
    pub(super) fn breaks(self, invariant: Invariant, what: &str) {
        self.breaks_with(invariant, &[], what);
    }

    /// Breaks this invariant in these words at least once, and no other one but these.
    #[track_caller]
    pub(super) fn breaks_with(self, invariant: Invariant, others: &[Invariant], what: &str) {
        let broken = self.broken();
        let is_it = |violation: &Violation| violation.invariant == invariant && violation.what.contains(what);
        assert!(broken.iter().any(is_it), "{broken:#?}");
        let is_any = |other: &Invariant| *other == invariant || others.contains(other);
        assert!(broken.iter().all(|violation| is_any(&violation.invariant)), "{broken:#?}");
    }
}

pub(super) fn text(text: &str) -> String {
    text.to_owned()
}

pub(super) fn eur(minor: i64) -> Money {
    Money { minor, currency: text("EUR") }
}

/// The user `id`, under id@example.org, with this name and version.
pub(super) fn user(id: &str, name: &str, version: u64) -> User {
    User { email: format!("{id}@example.org"), ..profile(id, name, version) }
}

pub(super) fn profile(id: &str, name: &str, version: u64) -> User {
    User { user_id: text(id), email: String::new(), display_name: text(name), version }
}

pub(super) fn create(request: &str, email: &str, name: &str) -> Call {
    Call::CreateUser { request_id: text(request), email: text(email), display_name: text(name) }
}

pub(super) fn update(request: &str, id: &str, name: &str) -> Call {
    Call::UpdateUser { request_id: text(request), user_id: text(id), display_name: text(name) }
}

pub(super) fn update_profile(id: &str, name: &str) -> Call {
    Call::UpdateProfile { user_id: text(id), display_name: text(name) }
}

pub(super) fn delete(request: &str, id: &str) -> Call {
    Call::DeleteUser { request_id: text(request), user_id: text(id) }
}

pub(super) fn get(id: &str) -> Call {
    Call::GetUser { user_id: text(id) }
}

pub(super) fn get_profile(id: &str) -> Call {
    Call::GetProfile { user_id: text(id) }
}

pub(super) fn pay(request: &str, user: &str, minor: i64) -> Call {
    Call::CreatePayment {
        request_id: text(request),
        user_id: text(user),
        amount: eur(minor),
        payment_method: text("tok_ok"),
        capture: false,
    }
}

/// Pays, and has all of it taken as soon as it is held.
pub(super) fn pay_at_once(request: &str, user: &str, minor: i64) -> Call {
    match pay(request, user, minor) {
        Call::CreatePayment { request_id, user_id, amount, payment_method, .. } => {
            Call::CreatePayment { request_id, user_id, amount, payment_method, capture: true }
        }
        call => call,
    }
}

pub(super) fn capture(request: &str, payment: &str, minor: i64) -> Call {
    Call::CapturePayment { request_id: text(request), payment_id: text(payment), amount: Some(eur(minor)) }
}

pub(super) fn refund(request: &str, payment: &str, minor: i64) -> Call {
    Call::RefundPayment { request_id: text(request), payment_id: text(payment), amount: Some(eur(minor)) }
}

pub(super) fn cancel(request: &str, payment: &str) -> Call {
    Call::CancelPayment { request_id: text(request), payment_id: text(payment) }
}

pub(super) fn get_payment(payment: &str) -> Call {
    Call::GetPayment { payment_id: text(payment) }
}

/// A payment by ada.
pub(super) fn payment(id: &str, minor: i64, state: &str, taken: i64, given: i64, version: u64) -> Payment {
    Payment {
        payment_id: text(id),
        user_id: text("ada"),
        amount: eur(minor),
        captured_minor: taken,
        refunded_minor: given,
        state: text(state),
        version,
    }
}

/// An entry of ada's, by the operation `payment:number`: a charge, or a refund.
pub(super) fn entry(sequence: u64, operation: &str, phase: &str, is_charge: bool, minor: i64) -> Entry {
    let (from, to) = if is_charge { ("CUSTOMER", "MERCHANT") } else { ("MERCHANT", "CUSTOMER") };
    Entry {
        user_id: text("ada"),
        sequence,
        transfer_id: format!("{operation}/{phase}"),
        payment_id: text(operation.split_once(':').unwrap().0),
        operation: text(operation),
        phase: text(phase),
        debit: text(from),
        credit: text(to),
        amount: eur(minor),
    }
}

pub(super) fn transaction(key: &str, kind: &str, minor: i64, status: &str) -> Transaction {
    Transaction { key: text(key), kind: text(kind), amount: eur(minor), status: text(status) }
}

/// Ada's balance.
pub(super) fn balance(held: i64, captured: i64, refunding: i64, refunded: i64) -> Balance {
    Balance {
        user_id: text("ada"),
        currency: text("EUR"),
        held_minor: held,
        captured_minor: captured,
        refunding_minor: refunding,
        refunded_minor: refunded,
        available_minor: captured - refunding - refunded,
    }
}
