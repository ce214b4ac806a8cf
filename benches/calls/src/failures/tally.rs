//! What became of the calls.

use std::{collections::BTreeMap, time::Duration};

use tonic::Code;

/// One call that has ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    /// When it was made, since the first one.
    pub(super) at: Duration,
    /// How long it took.
    pub(super) took: Duration,
    /// Which replica answered, or with which code it failed.
    pub(super) outcome: Result<String, Code>,
    pub(super) is_critical: bool,
}

/// Calls that have ended.
#[derive(Debug, Default)]
pub(super) struct Tally(pub(super) Vec<Ended>);

impl Tally {
    /// Those that were made in this span of time.
    pub(super) fn between(&self, from: Duration, to: Duration) -> Self {
        self.only(|ended| (from..to).contains(&ended.at))
    }

    pub(super) fn only(&self, which: impl Fn(&Ended) -> bool) -> Self {
        Self(self.0.iter().filter(|ended| which(ended)).cloned().collect())
    }

    pub(super) fn made(&self) -> usize {
        self.0.len()
    }

    pub(super) fn succeeded(&self) -> usize {
        self.0.iter().filter(|ended| ended.outcome.is_ok()).count()
    }

    pub(super) fn failed(&self) -> usize {
        self.made() - self.succeeded()
    }

    /// The share of the calls that succeeded.
    pub(super) fn share(&self) -> f64 {
        self.succeeded() as f64 / self.made().max(1) as f64
    }

    /// This percentile of those that succeeded.
    pub(super) fn percentile(&self, share: f64) -> Duration {
        let mut took: Vec<_> =
            self.0.iter().filter(|ended| ended.outcome.is_ok()).map(|ended| ended.took).collect();
        took.sort_unstable();
        took.get((took.len() as f64 * share) as usize).copied().unwrap_or_default()
    }

    /// How many calls failed with which code.
    pub(super) fn codes(&self) -> String {
        let mut codes: BTreeMap<String, usize> = BTreeMap::new();
        for code in self.0.iter().filter_map(|ended| ended.outcome.as_ref().err()) {
            *codes.entry(format!("{code:?}")).or_default() += 1;
        }
        codes.iter().map(|(code, count)| format!("{count} {code}")).collect::<Vec<_>>().join(", ")
    }
}
