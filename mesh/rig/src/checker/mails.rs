//! N1: mails.

use std::collections::HashMap;

use super::{
    Invariant::N1,
    found::Books,
    people::{People, Person},
    receipts::RECEIPTS,
    verdict::Tally,
};

/// The most mails that the notification service has on their way at once over SMTP: so many may arrive once more
/// when it is killed, because what became of them is written down together.
const ON_THEIR_WAY: u64 = 8;

pub(super) fn check(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    for (id, person) in &people.by_id {
        welcomed_once(id, person, books, tally);
    }
    named_once_and_sent(people, books, tally);
    belongs_to_somebody(people, books, tally);
    arrived_once(books, tally);
}

/// A user who is there has exactly one welcome, and a user who is not, or should not be, at most one. (Whether somebody has
/// one at all whose creation nobody acknowledged is U2's.)
fn welcomed_once(id: &str, person: &Person<'_>, books: &Books<'_>, tally: &mut Tally) {
    let all = books.notifications.get(id).map(Vec::as_slice).unwrap_or_default();
    let welcomes: Vec<usize> =
        all.iter().filter(|at| at.found.template == "welcome").map(|at| at.line).collect();
    if welcomes.len() > 1 {
        let count = welcomes.len();
        tally.broke(N1, welcomes, format_args!("user {id} was welcomed {count} times"));
    } else if welcomes.is_empty()
        && let Some(at) = books.users.get(id)
        && person.created.is_some()
        && !person.is_deleted()
    {
        tally.broke(N1, [at.line], format_args!("user {id} was not welcomed"));
    }
}

/// Every notification has a Message-ID of its own and a template that something causes, and is SENT and in the
/// sink; only one to a user who is not there may be neither.
fn named_once_and_sent(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    let mut named: HashMap<&str, usize> = HashMap::new();
    for (id, all) in &books.notifications {
        let is_there =
            books.users.contains_key(id) && people.by_id.get(id).is_some_and(|person| !person.is_deleted());
        for at in all {
            let message = at.found.message_id.as_str();
            let template = at.found.template.as_str();
            if template != "welcome" && !RECEIPTS.contains(&template) {
                tally.broke(N1, [at.line], format_args!("user {id} has a notification by {template:?}"));
            }
            if let Some(other) = named.insert(message, at.line) {
                tally.broke(N1, [other, at.line], format_args!("two notifications are called {message}"));
            }
            if !is_there {
                continue;
            }
            if at.found.state != "SENT" {
                let state = &at.found.state;
                tally.broke(N1, [at.line], format_args!("the {template} mail to user {id} is {state}"));
            } else if !books.mails.contains_key(message) {
                let what = format_args!("the {template} mail to user {id} was sent and never arrived");
                tally.broke(N1, [at.line], what);
            }
        }
    }
}

/// Every mail in the sink is a notification's, or may be one to a user who may be deleted and whose notifications
/// nobody listed: a welcome, and at most four receipts for each payment and one for each of its entries.
fn belongs_to_somebody(people: &People<'_>, books: &Books<'_>, tally: &mut Tally) {
    let known = books.message_ids();
    let mut unlisted: HashMap<&str, usize> = HashMap::new();
    for (id, person) in &people.by_id {
        if person.may_be_deleted() && !books.notifications.contains_key(id) {
            unlisted.insert(id, 1);
        }
    }
    for at in books.payments.values() {
        unlisted.entry(&at.found.user_id).and_modify(|mails| *mails += 4);
    }
    for at in books.all_entries() {
        unlisted.entry(&at.found.user_id).and_modify(|mails| *mails += 1);
    }
    let unlisted = unlisted.values().sum();
    let strangers: Vec<_> =
        books.mails.values().filter(|at| !known.contains(at.found.message_id.as_str())).collect();
    for at in strangers.iter().skip(unlisted) {
        let message = &at.found.message_id;
        tally.broke(N1, [at.line], format_args!("the mail {message} arrived, and is no notification's"));
    }
}

/// A mail arrives once. Whenever the notification service is killed, those that are on their way at that moment may
/// arrive once more.
fn arrived_once(books: &Books<'_>, tally: &mut Tally) {
    let kills = books.kills_of_the_mailer();
    let mut doubled = 0_u64;
    for at in books.mails.values() {
        let (deliveries, message) = (u64::from(at.found.deliveries), &at.found.message_id);
        let again = deliveries.saturating_sub(1);
        doubled += again;
        if deliveries == 0 {
            tally.broke(N1, [at.line], format_args!("the mail {message} is in the sink and never arrived"));
        }
        if again > kills {
            let what = format_args!("the mail {message} arrived {deliveries} times, with {kills} kills");
            tally.broke(N1, [at.line], what);
        }
    }
    if doubled > kills.saturating_mul(ON_THEIR_WAY) {
        let lines = books.mails.values().filter(|at| at.found.deliveries > 1).map(|at| at.line);
        tally.broke(N1, lines, format_args!("{doubled} mails arrived once more, with {kills} kills"));
    }
}
