//! The verdict on a history.

use std::{collections::BTreeMap, fmt};

use super::{
    Counts, Invariant, effects, events, found::Books, ledger, mails, operations::Operations, payments,
    people::People, quiet, reads, requests, updates, users,
};
use crate::history::History;

/// Violations of one invariant that are kept; all are counted.
pub const STORED_MAX: usize = 20;

/// What was found out about a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What is broken: of each invariant the first [`STORED_MAX`], in the order of [`Invariant::ALL`].
    pub broken: Vec<Violation>,
    /// What was counted on the way.
    pub counts: Counts,
}

/// Something that cannot be, if the invariant held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// A sentence for a person.
    pub what: String,
    /// The lines of the history that show it, counted from 1.
    pub lines: Vec<usize>,
}

impl Verdict {
    /// Whether everything held.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.broken.is_empty()
    }

    /// Whether this invariant held.
    #[must_use]
    pub fn held(&self, invariant: Invariant) -> bool {
        self.broken.iter().all(|violation| violation.invariant != invariant)
    }

    /// The invariants that did not hold, in the order of [`Invariant::ALL`].
    #[must_use]
    pub fn broken_invariants(&self) -> Vec<Invariant> {
        Invariant::ALL.into_iter().filter(|invariant| !self.held(*invariant)).collect()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { invariant, what, lines } = self;
        write!(f, "{invariant}: {what}")?;
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        match lines.as_slice() {
            [] => Ok(()),
            [line] => write!(f, " (line {line})"),
            _ => write!(f, " (lines {})", lines.join(", ")),
        }
    }
}

/// Collects what is broken.
#[derive(Debug, Default)]
pub(super) struct Tally {
    kept: BTreeMap<Invariant, Vec<Violation>>,
    counted: BTreeMap<Invariant, u64>,
}

impl Tally {
    /// The invariant is broken in the way that `what` says, as these lines show.
    pub(super) fn broke(
        &mut self,
        invariant: Invariant,
        lines: impl IntoIterator<Item = usize>,
        what: fmt::Arguments<'_>,
    ) {
        *self.counted.entry(invariant).or_default() += 1;
        let kept = self.kept.entry(invariant).or_default();
        if kept.len() < STORED_MAX {
            let mut lines: Vec<usize> = lines.into_iter().take(STORED_MAX).collect();
            lines.sort_unstable();
            lines.dedup();
            kept.push(Violation { invariant, what: what.to_string(), lines });
        }
    }
}

/// Judges a history.
#[must_use]
pub fn check(history: &History) -> Verdict {
    let operations = Operations::of(history);
    let books = Books::of(history);
    let people = People::of(&operations, &books);
    let mut tally = Tally::default();
    reads::check(&operations, &people, &mut tally);
    requests::check_answers(&operations, &mut tally);
    users::check_answers(&operations, &people, &mut tally);
    quiet::check(history, &books, &mut tally);
    // Without a look at the end there is nothing that could be missing in it.
    if books.quiet.is_some() {
        books.check(&mut tally);
        users::check(&operations, &people, &books, &mut tally);
        updates::check(&people, &books, &mut tally);
        mails::check(&people, &books, &mut tally);
        payments::check(&operations, &books, &mut tally);
        requests::check_payments(&operations, &books, &mut tally);
        effects::check(&operations, &books, &mut tally);
        ledger::check(&books, &mut tally);
        events::check(&people, &books, &mut tally);
    }
    let counts = Counts::of(history, &operations, &books, tally.counted);
    let broken = Invariant::ALL.iter().filter_map(|invariant| tally.kept.remove(invariant)).flatten();
    Verdict { broken: broken.collect(), counts }
}
