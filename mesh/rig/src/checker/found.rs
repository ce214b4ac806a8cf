//! What was found after it was quiet.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    Invariant::{self, L1, N1, P1, U3},
    people::normal,
    verdict::Tally,
};
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
    /// What was found once more and is there once, and the invariant that says so.
    pub(super) doubled: Vec<(Invariant, String, [usize; 2])>,
    /// The line that says that the history was written to its end.
    pub(super) end: Option<usize>,
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
                Record::End { .. } => books.end = Some(line),
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
            Found::Profile(found) => {
                let before = self.profiles.insert(&found.user_id, At { line, found });
                self.doubles(U3, before, line, || format!("the profile of user {}", found.user_id));
            }
            Found::NoProfile { user_id } => drop(self.no_profiles.insert(user_id, line)),
            Found::Payment(found) => {
                let before = self.payments.insert(&found.payment_id, At { line, found });
                self.doubles(P1, before, line, || format!("payment {}", found.payment_id));
            }
            Found::Entry(found) => {
                let book = (found.user_id.as_str(), found.amount.currency.as_str());
                self.entries.entry(book).or_default().push(At { line, found });
            }
            Found::Balance(found) => {
                let Balance { user_id, currency, .. } = found;
                let before = self.balances.insert((user_id, currency), At { line, found });
                self.doubles(L1, before, line, || format!("the balance of {user_id}'s {currency}"));
            }
            Found::Transaction(found) => self.transactions.push(At { line, found }),
            Found::Notification(found) => {
                self.notifications.entry(&found.user_id).or_default().push(At { line, found });
            }
            Found::Mail(found) => {
                let before = self.mails.insert(&found.message_id, At { line, found });
                self.doubles(N1, before, line, || format!("the mail {}", found.message_id));
            }
            Found::Parked { queue, event_id, kind } => self.parked.push((line, queue, event_id, kind)),
        }
    }

    /// Notes what is there once, and was found before.
    fn doubles<T>(
        &mut self,
        invariant: Invariant,
        before: Option<At<'a, T>>,
        line: usize,
        name: impl FnOnce() -> String,
    ) {
        if let Some(before) = before {
            self.doubled.push((invariant, name(), [before.line, line]));
        }
    }

    /// Everything is found once, but for users and addresses, who may be looked for in several ways.
    pub(super) fn check(&self, tally: &mut Tally) {
        for (invariant, name, lines) in &self.doubled {
            tally.broke(*invariant, *lines, format_args!("{name} was found twice"));
        }
    }

    /// How often something that keeps mails waiting was killed, or stood still for longer than its claims on them last:
    /// each time a mail may arrive once more.
    pub(super) fn kills_of_the_mailer(&self) -> u64 {
        let of_it = |(fault, target): &(&str, &str)| {
            let is_mailer =
                matches!(*target, "stack" | "notification") || target.starts_with("notification-");
            matches!(*fault, "kill" | "pause" | "crash") && is_mailer
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
