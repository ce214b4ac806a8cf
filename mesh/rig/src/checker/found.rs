//! What was found after it was quiet.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::people::normal;
use crate::history::{
    Balance, Entry, Found, History, Mail, Notification, Payment, Record, Transaction, User,
};

/// Something found, and the line that says so.
#[derive(Debug)]
pub(super) struct At<'a, T> {
    pub(super) line: usize,
    pub(super) found: &'a T,
}

impl<T> Clone for At<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for At<'_, T> {}

/// The books of one user in one currency.
pub(super) type BookId<'a> = (&'a str, &'a str);

/// All that was found, and what was broken before.
#[derive(Debug, Default)]
pub(super) struct Books<'a> {
    /// When it was quiet, and what was left.
    pub(super) quiet: Option<(usize, &'a [String])>,
    /// What was done to what, how often.
    pub(super) faults: BTreeMap<(&'a str, &'a str), u64>,
    pub(super) users: BTreeMap<&'a str, At<'a, User>>,
    /// Users that were found once more, otherwise than before.
    pub(super) ambiguous: Vec<(&'a str, [usize; 2])>,
    /// Addresses that were found to be somebody else's than before.
    pub(super) disputed: Vec<(&'a str, [usize; 2])>,
    pub(super) no_users: HashMap<&'a str, usize>,
    /// Whose address it is, by the address's normal form.
    pub(super) emails: HashMap<String, (usize, Option<&'a str>)>,
    pub(super) profiles: HashMap<&'a str, At<'a, User>>,
    pub(super) no_profiles: HashMap<&'a str, usize>,
    pub(super) payments: BTreeMap<&'a str, At<'a, Payment>>,
    /// In the order in which they were listed.
    pub(super) entries: BTreeMap<BookId<'a>, Vec<At<'a, Entry>>>,
    pub(super) balances: BTreeMap<BookId<'a>, At<'a, Balance>>,
    pub(super) transactions: Vec<At<'a, Transaction>>,
    /// By user.
    pub(super) notifications: BTreeMap<&'a str, Vec<At<'a, Notification>>>,
    /// By Message-ID.
    pub(super) mails: BTreeMap<&'a str, At<'a, Mail>>,
    pub(super) parked: Vec<(usize, &'a str, &'a str, &'a str)>,
}

impl<'a> Books<'a> {
    pub(super) fn of(history: &'a History) -> Self {
        let mut books = Self::default();
        for (line, record) in (1..).zip(history.records()) {
            match record {
                Record::Fault { fault, target, .. } => *books.faults.entry((fault, target)).or_default() += 1,
                Record::Quiet { left, .. } => books.quiet = Some((line, left)),
                Record::Found(found) => books.add(line, found),
                _ => {}
            }
        }
        books
    }

    fn add(&mut self, line: usize, found: &'a Found) {
        match found {
            Found::User(found) => {
                let id = found.user_id.as_str();
                let before = *self.users.entry(id).or_insert(At { line, found });
                if before.found != found {
                    self.ambiguous.push((id, [before.line, line]));
                }
            }
            Found::NoUser { user_id } => drop(self.no_users.insert(user_id, line)),
            Found::Email { email, user_id } => {
                let owner = user_id.as_deref();
                let before = *self.emails.entry(normal(email)).or_insert((line, owner));
                if before.1 != owner {
                    self.disputed.push((email, [before.0, line]));
                }
            }
            Found::Profile(found) => drop(self.profiles.insert(&found.user_id, At { line, found })),
            Found::NoProfile { user_id } => drop(self.no_profiles.insert(user_id, line)),
            Found::Payment(found) => drop(self.payments.insert(&found.payment_id, At { line, found })),
            Found::Entry(found) => {
                let book = (found.user_id.as_str(), found.amount.currency.as_str());
                self.entries.entry(book).or_default().push(At { line, found });
            }
            Found::Balance(found) => {
                self.balances.insert((&found.user_id, &found.currency), At { line, found });
            }
            Found::Transaction(found) => self.transactions.push(At { line, found }),
            Found::Notification(found) => {
                self.notifications.entry(&found.user_id).or_default().push(At { line, found });
            }
            Found::Mail(found) => drop(self.mails.insert(&found.message_id, At { line, found })),
            Found::Parked { queue, event_id, kind } => self.parked.push((line, queue, event_id, kind)),
        }
    }

    /// How often something that keeps mails waiting was killed: each kill may make a mail arrive once more.
    pub(super) fn kills_of_the_mailer(&self) -> u64 {
        let of_it = |(fault, target): &(&str, &str)| {
            matches!(*fault, "kill" | "crash") && matches!(*target, "stack" | "notification")
        };
        self.faults.iter().filter(|(what, _)| of_it(what)).map(|(_, times)| times).sum()
    }

    /// All entries of all books.
    pub(super) fn all_entries(&self) -> impl Iterator<Item = At<'a, Entry>> {
        self.entries.values().flatten().copied()
    }

    /// Every Message-ID of every notification.
    pub(super) fn message_ids(&self) -> HashSet<&'a str> {
        self.notifications.values().flatten().map(|at| at.found.message_id.as_str()).collect()
    }
}
