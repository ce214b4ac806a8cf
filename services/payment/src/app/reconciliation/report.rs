//! What a run found.

use std::collections::BTreeMap;

use service_kit::clock::UnixMillis;

use crate::domain::{Balance, Currency, Operation, ProviderKey};

/// The most findings that a report keeps; all are counted.
pub const MAX_FINDINGS: usize = 1_000;

/// The longest text of somebody else in a finding, in characters.
const MAX_TEXT: usize = 128;

/// What a run found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When it began.
    pub started: UnixMillis,
    /// When it ended.
    pub ended: UnixMillis,
    /// Books whose balance was compared with the sum of their entries.
    pub books: u64,
    /// Ledger entries added up.
    pub entries: u64,
    /// Our ended operations of which the provider must know.
    pub operations: u64,
    /// Transactions that the provider lists.
    pub transactions: u64,
    /// All books together, by the code of their currency.
    pub totals: BTreeMap<&'static str, Total>,
    /// Operations that had been given up, were taken up again and have ended.
    pub healed: u64,
    /// What does not agree, all of it counted.
    pub found: u64,
    /// The first [`MAX_FINDINGS`] of them.
    pub findings: Vec<Finding>,
    /// Why the run did not come to its end, if so: then what it did not reach is not compared.
    pub incomplete: Option<String>,
}

/// All books of one currency, in its minor unit. All accounts together are zero, or there is a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    /// Taken.
    pub captured: i128,
    /// Given back.
    pub refunded: i128,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In which way.
    pub kind: FindingKind,
    /// The operation's key, or the book as `user|currency`.
    pub about: String,
    /// A sentence for a person.
    pub description: String,
}

/// In which way something does not agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FindingKind {
    /// The provider did something that nobody here asked for.
    MissingHere,
    /// The books say that the provider did something of which it knows nothing.
    MissingThere,
    /// Amount or currency differ.
    AmountMismatch,
    /// One says that it was done and the other that it was not, or that something else was.
    StateMismatch,
    /// A book does not add up, or its entries and balance are not what its payments and operations say.
    BookWrong,
    /// An operation was given up, and the provider does not say how it ended.
    Undecided,
    /// The provider lists one operation more than once: it may have been done as often.
    TwiceThere,
}

impl Finding {
    /// Whether it is about an operation and not about a book.
    #[must_use]
    pub fn is_about_operation(&self) -> bool {
        self.kind != FindingKind::BookWrong || self.about.parse::<ProviderKey>().is_ok()
    }
}

impl Report {
    pub(super) fn begin(now: UnixMillis) -> Self {
        Self {
            started: now,
            ended: now,
            books: 0,
            entries: 0,
            operations: 0,
            transactions: 0,
            totals: BTreeMap::new(),
            healed: 0,
            found: 0,
            findings: Vec::new(),
            incomplete: None,
        }
    }

    /// Adds what does not agree. `about` may be somebody else's text, so it is cut.
    pub(super) fn find(&mut self, kind: FindingKind, about: &str, description: String) {
        let about = about.chars().take(MAX_TEXT).collect();
        let finding = Finding { kind, about, description };
        // What the provider's list and a later look at the operation show alike is one finding. Beyond those kept
        // it may be counted twice: then nobody counts any more.
        if self.findings.contains(&finding) {
            return;
        }
        self.found += 1;
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Whether something was found about this operation.
    pub(super) fn tells_of(&self, key: ProviderKey) -> bool {
        let key = key.to_string();
        self.findings.iter().any(|finding| finding.about == key)
    }

    /// Whether the run can say something of the operation's entries: they and it are not read at one moment, and what
    /// began after the run did is for the next one.
    pub(super) fn is_due(&self, operation: &Operation) -> bool {
        operation.begun <= self.started
    }

    pub(super) fn add(&mut self, currency: Currency, balance: &Balance) {
        let total = self.totals.entry(currency.code()).or_default();
        total.captured += balance.captured;
        total.refunded += balance.refunded;
    }

    /// Tells the report in one line.
    pub(super) fn log(&self) {
        let Self { books, entries, operations, transactions, healed, found, .. } = self;
        let totals: Vec<_> = self
            .totals
            .iter()
            .map(|(code, total)| format!("{code} +{} -{}", total.captured, total.refunded))
            .collect();
        let totals = totals.join(", ");
        let incomplete = self.incomplete.as_deref();
        match (self.findings.first(), incomplete) {
            (None, None) => tracing::info!(
                books,
                entries,
                operations,
                transactions,
                healed,
                totals,
                "the books agree with themselves and with the provider's"
            ),
            (None, Some(incomplete)) => tracing::warn!(
                books,
                entries,
                operations,
                transactions,
                healed,
                totals,
                incomplete,
                "the books agree as far as they were read"
            ),
            (Some(Finding { kind, about, description }), incomplete) => tracing::error!(
                books, entries, operations, transactions, healed, totals, incomplete, findings = found,
                first.kind = ?kind, first.about = about, first.description = description,
                "the books do not agree"
            ),
        }
    }
}
