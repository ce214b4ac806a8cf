//! What was counted, and the report for a person.

use std::{collections::BTreeMap, fmt};

use super::{Invariant, Verdict, found::Books, ledger, operations::Operations};
use crate::history::{History, Record};

/// What was counted in a history.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// From which the clients' choices and the faults were drawn.
    pub seed: Option<u64>,
    /// Clients at once.
    pub clients: u32,
    /// How long the calls took together, in microseconds.
    pub lasted: u64,
    /// By method.
    pub methods: BTreeMap<&'static str, Method>,
    /// How often what was done to what.
    pub faults: BTreeMap<(String, String), u64>,
    /// Whether anybody looked at the end: it became quiet, or the wait for that was given up.
    pub was_looked_at: bool,
    /// Users found.
    pub users: u64,
    /// Profiles found.
    pub profiles: u64,
    /// Payments found.
    pub payments: u64,
    /// Ledger entries found.
    pub entries: u64,
    /// Transactions found in the provider's book.
    pub transactions: u64,
    /// Notifications found.
    pub notifications: u64,
    /// Mails found in the sink, each counted once.
    pub mails: u64,
    /// Deliveries of mails that had been delivered before.
    pub duplicates: u64,
    /// What the accounts have gained and lost, by currency.
    pub sums: Vec<Sum>,
    /// Violations of each invariant that does not hold, also those that are not kept.
    pub broken: BTreeMap<Invariant, u64>,
    /// What was odd about the file.
    pub note: Option<String>,
}

/// What came of the calls of a method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Method {
    /// Succeeded.
    pub ok: u64,
    /// Were refused.
    pub failed: u64,
    /// Have an outcome that nobody knows.
    pub unknown: u64,
}

/// What the accounts of a currency have gained and lost, in its minor unit, and what others say of it. The accounts
/// together are zero. That says little, since each entry gives one of them what it takes from the other: what says
/// more is that the merchant's is what the provider and the balances say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// The currency.
    pub currency: String,
    /// The customers'.
    pub customer: i128,
    /// The merchant's.
    pub merchant: i128,
    /// By the provider's own book.
    pub provider: Moved,
    /// By the balances that the service tells.
    pub balances: Moved,
}

/// What was moved, in the currency's minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Taken from customers.
    pub taken: i128,
    /// Given back to them.
    pub given_back: i128,
}

impl Moved {
    /// Taken, and not given back.
    #[must_use]
    pub fn kept(self) -> i128 {
        self.taken - self.given_back
    }
}

impl Counts {
    pub(super) fn of(
        history: &History,
        operations: &Operations<'_>,
        books: &Books<'_>,
        broken: BTreeMap<Invariant, u64>,
    ) -> Self {
        let mut counts = Self { broken, note: history.note().map(str::to_owned), ..Self::default() };
        for record in history.records() {
            match record {
                Record::Start { seed, clients } => (counts.seed, counts.clients) = (Some(*seed), *clients),
                Record::Ok { t, .. } | Record::Fail { t, .. } | Record::Info { t, .. } => counts.lasted = *t,
                _ => {}
            }
        }
        for operation in operations.iter() {
            let method = counts.methods.entry(operation.method()).or_default();
            let count = match () {
                () if operation.is_ok() => &mut method.ok,
                () if operation.is_unknown() => &mut method.unknown,
                () => &mut method.failed,
            };
            *count += 1;
        }
        let named = |((fault, target), times): (&(&str, &str), &u64)| {
            (((*fault).to_owned(), (*target).to_owned()), *times)
        };
        counts.faults = books.faults.iter().map(named).collect();
        counts.was_looked_at = books.quiet.is_some();
        counts.users = books.users.len() as u64;
        counts.profiles = books.profiles.len() as u64;
        counts.payments = books.payments.len() as u64;
        counts.entries = books.all_entries().count() as u64;
        counts.transactions = books.transactions.len() as u64;
        counts.notifications = books.notifications.values().map(|all| all.len() as u64).sum();
        counts.mails = books.mails.len() as u64;
        counts.duplicates =
            books.mails.values().map(|at| u64::from(at.found.deliveries.saturating_sub(1))).sum();
        counts.sums = ledger::sums(books);
        counts
    }

    /// All methods together.
    #[must_use]
    pub fn operations(&self) -> Method {
        self.methods.values().fold(Method::default(), |all, method| Method {
            ok: all.ok + method.ok,
            failed: all.failed + method.failed,
            unknown: all.unknown + method.unknown,
        })
    }

    /// How often something was killed.
    #[must_use]
    pub fn kills(&self) -> u64 {
        self.faults.iter().filter(|((fault, _), _)| fault == "kill").map(|(_, times)| times).sum()
    }
}

impl Method {
    /// All calls.
    #[must_use]
    pub fn all(self) -> u64 {
        self.ok + self.failed + self.unknown
    }
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { taken, given_back } = self;
        write!(f, "{taken} - {given_back} = {}", self.kept())
    }
}

impl fmt::Display for Verdict {
    /// The report, over several lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.counts.fmt(f)?;
        writeln!(f)?;
        for invariant in Invariant::ALL {
            match self.counts.broken.get(&invariant) {
                None if !self.counts.was_looked_at && !invariant.shows_in_answers() => {
                    writeln!(f, "{invariant:<5}  unknown {}", invariant.promise())?;
                }
                None => writeln!(f, "{invariant:<5}  held    {}", invariant.promise())?,
                Some(times) => {
                    writeln!(f, "{invariant:<5}  BROKEN  {} ({times} times)", invariant.promise())?
                }
            }
            let violations = self.broken.iter().filter(|violation| violation.invariant == invariant);
            let shown = violations.clone().count() as u64;
            for violation in violations {
                writeln!(f, "         {violation}")?;
            }
            let more = self.counts.broken.get(&invariant).map_or(0, |times| times.saturating_sub(shown));
            if more > 0 {
                writeln!(f, "         and {more} more")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(note) = &self.note {
            writeln!(f, "note: {note}")?;
        }
        let all = self.operations();
        write!(f, "{} operations by {} clients", all.all(), self.clients)?;
        write!(f, " in {}.{:03} s", self.lasted / 1_000_000, self.lasted / 1_000 % 1_000)?;
        self.seed.map_or(Ok(()), |seed| write!(f, ", seed {seed}"))?;
        writeln!(f, "\n\n{:<15} {:>9} {:>9} {:>9}", "", "ok", "refused", "unknown")?;
        let rows = self.methods.iter().map(|(name, method)| (*name, *method));
        for (name, Method { ok, failed, unknown }) in rows.chain([("all", all)]) {
            writeln!(f, "{name:<15} {ok:>9} {failed:>9} {unknown:>9}")?;
        }
        writeln!(f)?;
        if self.faults.is_empty() {
            writeln!(f, "fault   none")?;
        }
        for ((fault, target), times) in &self.faults {
            writeln!(f, "fault   {fault} {target}: {times} times")?;
        }
        writeln!(
            f,
            "found   {} users, {} profiles, {} payments, {} entries, {} transactions, {} notifications, {} mails",
            self.users,
            self.profiles,
            self.payments,
            self.entries,
            self.transactions,
            self.notifications,
            self.mails
        )?;
        for Sum { currency, customer, merchant, provider, balances } in &self.sums {
            writeln!(
                f,
                "ledger  {currency}: customers {customer}, merchant {merchant}; provider {provider}; balances {balances}"
            )?;
        }
        writeln!(f, "mails   {} arrived once more", self.duplicates)
    }
}
