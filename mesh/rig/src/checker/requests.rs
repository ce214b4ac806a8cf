//! P2: a request has one effect, however often it is repeated.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Invariant::P2,
    found::Books,
    operations::{Operation, Operations, Outcome},
    verdict::Tally,
};
use crate::history::{Call, Money};

/// The calls under one name, that is method and request id.
type Requests<'a> = BTreeMap<(&'static str, &'a str), Vec<&'a Operation<'a>>>;

/// What can be told from answers alone.
pub(super) fn check_answers(operations: &Operations<'_>, tally: &mut Tally) {
    let mut requests: Requests<'_> = BTreeMap::new();
    for operation in operations.iter() {
        if let Some(request) = operation.request() {
            requests.entry(request).or_default().push(operation);
        }
    }
    for ((method, id), all) in &requests {
        succeeds_with_one_content(method, id, all, tally);
        is_refused_for_another_content(method, id, all, tally);
        is_remembered(method, id, all, tally);
    }
    one_request_one_payment(&requests, tally);
    one_payment_one_request(&requests, tally);
    answers_about_what_was_asked_for(operations, tally);
}

/// Of calls with other content under one name only those with one content succeed.
fn succeeds_with_one_content(method: &str, id: &str, all: &[&Operation<'_>], tally: &mut Tally) {
    let mut succeeded = all.iter().filter(|operation| operation.is_ok());
    let Some(first) = succeeded.next() else { return };
    if let Some(other) = succeeded.find(|other| other.call != first.call) {
        let what = format_args!("{method} {id} succeeded with two contents");
        tally.broke(P2, first.lines().chain(other.lines()), what);
    }
}

/// Who is told that a name was used for other content is told so because it was: by a call that happened, or may
/// have, and that had begun before the answer.
fn is_refused_for_another_content(method: &str, id: &str, all: &[&Operation<'_>], tally: &mut Tally) {
    for refused in all.iter().filter(|operation| operation.failed_for("REQUEST_ID_REUSED")) {
        let was_used = all
            .iter()
            .any(|other| other.may_be() && other.call != refused.call && other.begun < refused.ended);
        if !was_used {
            let what = format_args!("{method} {id} was refused as reused, and was not");
            tally.broke(P2, refused.lines(), what);
        }
    }
}

/// After a request was acknowledged, who asks for the same again under its name is not refused, and who asks for
/// something else is told that the name was used, and nothing else; unless nobody was reached who could tell.
fn is_remembered(method: &str, id: &str, all: &[&Operation<'_>], tally: &mut Tally) {
    let acked = all.iter().filter(|operation| operation.is_ok()).min_by_key(|operation| operation.ended);
    let Some(acked) = acked else { return };
    for refused in all.iter().filter(|other| other.begun > acked.ended) {
        let Outcome::Fail { code, reason } = refused.outcome else { continue };
        let is_same = refused.call == acked.call;
        if code == "UNAVAILABLE" || (!is_same && reason == "REQUEST_ID_REUSED") {
            continue;
        }
        let wanted = if is_same { "had been acknowledged" } else { "not as reused" };
        let what = format_args!("{method} {id} was refused for {code} {reason}, and {wanted}");
        tally.broke(P2, acked.lines().chain(refused.lines()), what);
    }
}

/// All answers to one request are about one payment.
fn one_request_one_payment(requests: &Requests<'_>, tally: &mut Tally) {
    for ((method, id), all) in requests {
        let mut told = all.iter().filter_map(|operation| Some((operation, &operation.payment()?.payment_id)));
        let Some((first, payment)) = told.next() else { continue };
        // Other content under the same name is told above.
        let same = |other: &Operation<'_>| other.call == first.call;
        if let Some((other, another)) = told.find(|(other, another)| *another != payment && same(other)) {
            let what = format_args!("{method} {id} was answered with payments {payment} and {another}");
            tally.broke(P2, first.lines().chain(other.lines()), what);
        }
    }
}

/// Two requests for a payment are never answered with the same one.
fn one_payment_one_request(requests: &Requests<'_>, tally: &mut Tally) {
    let mut asked: HashMap<&str, (&str, &Operation<'_>)> = HashMap::new();
    for ((method, id), all) in requests {
        for operation in all.iter().filter(|_| *method == "CreatePayment") {
            let Some(payment) = operation.payment() else { continue };
            let (before, first) = *asked.entry(&payment.payment_id).or_insert((id, operation));
            if before != *id {
                let payment = &payment.payment_id;
                let what =
                    format_args!("requests {before} and {id} were answered with one payment, {payment}");
                tally.broke(P2, first.lines().chain(operation.lines()), what);
            }
        }
    }
}

/// What is asked about one payment is answered about it.
fn answers_about_what_was_asked_for(operations: &Operations<'_>, tally: &mut Tally) {
    for operation in operations.iter() {
        let (Call::CapturePayment { payment_id, .. }
        | Call::CancelPayment { payment_id, .. }
        | Call::RefundPayment { payment_id, .. }
        | Call::GetPayment { payment_id }) = operation.call
        else {
            continue;
        };
        if let Some(told) = operation.payment()
            && told.payment_id != *payment_id
        {
            let (method, told) = (operation.method(), &told.payment_id);
            let what = format_args!("{method} of payment {payment_id} was answered with {told}");
            tally.broke(P2, operation.lines(), what);
        }
    }
}

/// Every payment that was found was asked for: it is an answer's, or that of one request of which nobody knows
/// whether it happened. A request makes one payment at most, so there are no more of the same user and amount
/// beyond those that were answered than there are such requests.
pub(super) fn check_payments(operations: &Operations<'_>, books: &Books<'_>, tally: &mut Tally) {
    let (mut answered, mut requests) = (HashSet::new(), HashMap::new());
    for operation in operations.iter() {
        if let (Call::CreatePayment { .. }, Some(payment)) = (operation.call, operation.payment()) {
            answered.insert(payment.payment_id.as_str());
        }
        let Call::CreatePayment { request_id, user_id, amount, .. } = operation.call else { continue };
        let request =
            requests.entry((request_id.as_str(), user_id.as_str(), amount)).or_insert((false, false));
        request.0 |= operation.is_ok();
        request.1 |= operation.is_unknown();
    }
    let mut unknown: HashMap<(&str, &Money), usize> = HashMap::new();
    for ((_, user, amount), (is_ok, may_be)) in requests {
        *unknown.entry((user, amount)).or_default() += usize::from(may_be && !is_ok);
    }
    for (id, at) in &books.payments {
        if answered.contains(id) {
            continue;
        }
        let requests = unknown.entry((&at.found.user_id, &at.found.amount)).or_default();
        match requests.checked_sub(1) {
            Some(left) => *requests = left,
            None => tally.broke(P2, [at.line], format_args!("nobody asked for payment {id}")),
        }
    }
}
