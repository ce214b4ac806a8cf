//! E1: every committed event had its effect. That a user has a profile and a welcome is U3's and N1's (and U2's).

use std::collections::BTreeMap;

use super::{
    Invariant::E1,
    found::{At, Books},
    people::People,
    receipts::{RECEIPTS, due_receipts, is_refund},
    verdict::Tally,
};
use crate::history::Notification;

/// How many receipts a user or a payment must have, and has, in the order of [`RECEIPTS`].
#[derive(Debug, Default)]
struct Receipts {
    due: [u64; 4],
    have: [u64; 4],
    lines: Vec<usize>,
}

impl Receipts {
    fn due(&mut self, due: [u64; 4], line: usize) {
        for (sum, due) in self.due.iter_mut().zip(due) {
            *sum += due;
        }
        self.lines.push(line);
    }

    fn have(&mut self, at: At<'_, Notification>) {
        let place = RECEIPTS.iter().position(|template| *template == at.found.template);
        if let Some(have) = place.and_then(|place| self.have.get_mut(place)) {
            *have += 1;
            self.lines.push(at.line);
        }
    }

    /// By template: how many there are, and how many are due.
    fn counts(&self) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let counts = self.have.into_iter().zip(self.due);
        RECEIPTS.into_iter().zip(counts).map(|(template, (have, due))| (template, have, due))
    }
}

pub(super) fn check(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    for (line, queue, event, kind) in &books.parked {
        tally.broke(E1, [*line], format_args!("{kind} {event} could not be digested by {queue}"));
    }
    every_payment_has_its_receipts(people, books, tally);
}

/// A user who is there has one receipt for each payment of which something was taken, one for each refund that was
/// given back, one for each payment that was let go and one for each that was refused at the beginning. A user who
/// may be deleted, or is nobody's of this history, has at most so many. A receipt that says of which payment it is
/// is of one of that user's, and no payment has more of them than are due: so, if all of them say it, each payment has
/// its own.
fn every_payment_has_its_receipts(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    let mut refunds: BTreeMap<&str, u64> = BTreeMap::new();
    for at in books.all_entries().filter(|at| is_refund(at.found)) {
        *refunds.entry(&at.found.payment_id).or_default() += 1;
    }
    let (mut users, mut payments) = (BTreeMap::<&str, Receipts>::new(), BTreeMap::<&str, Receipts>::new());
    for (id, at) in &books.payments {
        let due = due_receipts(at.found, refunds.get(id).copied().unwrap_or_default()).map(|(_, due)| due);
        users.entry(&at.found.user_id).or_default().due(due, at.line);
        payments.entry(id).or_default().due(due, at.line);
    }
    for (user, all) in &books.notifications {
        for at in all.iter().filter(|at| RECEIPTS.contains(&at.found.template.as_str())) {
            users.entry(user).or_default().have(*at);
            let Some(payment) = at.found.payment_id.as_deref() else { continue };
            if books.payments.get(payment).is_some_and(|payment| payment.found.user_id == *user) {
                payments.entry(payment).or_default().have(*at);
            } else {
                let what =
                    format_args!("user {user} has a receipt for payment {payment}, which is not theirs");
                tally.broke(E1, [at.line], what);
            }
        }
    }
    for (id, receipts) in users {
        let is_there =
            books.users.contains_key(id) && people.by_id.get(id).is_some_and(|person| !person.is_deleted());
        for (template, have, due) in receipts.counts() {
            if have > due || (is_there && have < due) {
                let what = format_args!("user {id} has {have} receipts by {template}, and {due} are due");
                tally.broke(E1, receipts.lines.iter().copied(), what);
            }
        }
    }
    for (id, receipts) in payments {
        for (template, have, due) in receipts.counts().filter(|(_, have, due)| have > due) {
            let what = format_args!("payment {id} has {have} receipts by {template}, and {due} are due");
            tally.broke(E1, receipts.lines.iter().copied(), what);
        }
    }
}
