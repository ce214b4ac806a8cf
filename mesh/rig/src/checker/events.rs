//! E1: every committed event had its effect. That a user has a profile and a welcome is U3's and N1's (and U2's).

use std::collections::BTreeMap;

use super::{Invariant::E1, found::Books, people::People, verdict::Tally};

/// How many receipts a user must have, by template.
#[derive(Debug, Default)]
struct Receipts {
    due: [u64; 4],
    have: [u64; 4],
    lines: Vec<usize>,
}

/// The templates of receipts, in the order of the counts.
const TEMPLATES: [&str; 4] = ["payment_captured", "payment_refunded", "payment_canceled", "payment_failed"];

pub(super) fn check(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    for (line, queue, event, kind) in &books.parked {
        tally.broke(E1, [*line], format_args!("{kind} {event} could not be digested by {queue}"));
    }
    every_payment_has_its_receipts(people, books, tally);
}

/// A user who is there has one receipt for each payment of which something was taken, one for each refund that was
/// given back, one for each payment that was let go and one for each that was refused at the beginning. A user who
/// may be deleted, or is nobody's of this history, has at most so many.
fn every_payment_has_its_receipts(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    let mut users: BTreeMap<&str, Receipts> = BTreeMap::new();
    for at in books.payments.values() {
        let receipts = users.entry(&at.found.user_id).or_default();
        let state = at.found.state.as_str();
        receipts.due[0] += u64::from(at.found.captured_minor > 0);
        receipts.due[2] += u64::from(state == "VOIDED");
        receipts.due[3] += u64::from(matches!(state, "DECLINED" | "FAILED"));
        receipts.lines.push(at.line);
    }
    for at in books.all_entries() {
        let is_refund = at.found.phase == "POSTED" && at.found.debit == "MERCHANT";
        users.entry(&at.found.user_id).or_default().due[1] += u64::from(is_refund);
    }
    for (id, all) in &books.notifications {
        for at in all {
            if let Some(place) = TEMPLATES.iter().position(|template| *template == at.found.template) {
                let receipts = users.entry(id).or_default();
                receipts.have[place] += 1;
                receipts.lines.push(at.line);
            }
        }
    }
    for (id, receipts) in users {
        let is_there =
            books.users.contains_key(id) && people.by_id.get(id).is_some_and(|person| !person.is_deleted());
        for ((template, due), have) in TEMPLATES.iter().zip(receipts.due).zip(receipts.have) {
            if have > due || (is_there && have < due) {
                let what = format_args!("user {id} has {have} receipts by {template}, and {due} are due");
                tally.broke(E1, receipts.lines.iter().copied(), what);
            }
        }
    }
}
