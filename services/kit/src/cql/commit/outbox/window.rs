//! Intents that are next to be published, in order, if they were committed.

use std::{collections::BTreeMap, time::Duration};

use mesh_events::OutboxKey;
use tokio::time::Instant;
use uuid::Uuid;

use crate::cql::commit::{key::Key, place::Place};

/// The most candidates that are kept: some 32 of the relay's pages.
const CANDIDATES_MAX: usize = 16_384;
/// For how long the candidates that one page did not need serve the next ones.
const LIFE: Duration = Duration::from_secs(5);

/// An intent without a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: OutboxKey,
    pub(super) place: Place,
    pub(super) aggregate: Key,
}

/// The first candidates behind a key, in order.
#[derive(Debug)]
pub(super) struct Window {
    candidates: BTreeMap<(OutboxKey, Uuid), Candidate>,
    /// Behind which key it goes on.
    after: Option<OutboxKey>,
    /// Up to which time events are old enough.
    until_ms: u64,
    /// Whether there are no candidates beyond the last.
    is_whole: bool,
    made: Instant,
}

impl Window {
    pub(super) fn new(after: Option<OutboxKey>, until_ms: u64) -> Self {
        Self { candidates: BTreeMap::new(), after, until_ms, is_whole: true, made: Instant::now() }
    }

    /// Whether a page behind `after` may come from here. The first page never does: it begins a new pass.
    pub(super) fn serves(&self, after: Option<OutboxKey>) -> bool {
        after.is_some() && after == self.after && self.made.elapsed() < LIFE
    }

    /// Whether this candidate may be published now.
    pub(super) fn wants(&self, key: &OutboxKey) -> bool {
        key.occur_time_ms <= self.until_ms && self.after.as_ref().is_none_or(|after| key > after)
    }

    /// Adds a candidate; the last one goes when there are too many.
    pub(super) fn add(&mut self, candidate: Candidate) {
        self.candidates.insert((candidate.key, candidate.place.attempt), candidate);
        if self.candidates.len() > CANDIDATES_MAX {
            self.candidates.pop_last();
            self.is_whole = false;
        }
    }

    /// Whether it is full of events that happened before this time.
    pub(super) fn is_full_before(&self, time_ms: u64) -> bool {
        let last = self.candidates.last_key_value();
        self.candidates.len() >= CANDIDATES_MAX
            && last.is_some_and(|((key, _), _)| key.occur_time_ms < time_ms)
    }

    /// There are candidates that were not looked for.
    pub(super) fn is_cut(&mut self) {
        self.is_whole = false;
    }

    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The next candidates.
    pub(super) fn take(&mut self, count: usize) -> Vec<Candidate> {
        let next = std::iter::from_fn(|| self.candidates.pop_first()).take(count);
        let next: Vec<_> = next.map(|(_, candidate)| candidate).collect();
        self.after = next.last().map(|candidate| candidate.key).or(self.after);
        next
    }

    /// They were published meanwhile.
    pub(super) fn forget(&mut self, keys: &[OutboxKey]) {
        for key in keys {
            while let Some(attempt) = self.attempt_of(key) {
                self.candidates.remove(&(*key, attempt));
            }
        }
    }

    fn attempt_of(&self, key: &OutboxKey) -> Option<Uuid> {
        let attempts = self.candidates.range((*key, Uuid::nil())..=(*key, Uuid::max()));
        attempts.map(|((_, attempt), _)| *attempt).next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(n: u64) -> Candidate {
        Candidate {
            key: key(n),
            place: Place { shard: 0, bucket: 0, attempt: Uuid::from_u128(1) },
            aggregate: Key::Uuid(Uuid::from_u128(1)),
        }
    }

    fn key(n: u64) -> OutboxKey {
        OutboxKey { occur_time_ms: n, id: Uuid::from_u128(1) }
    }

    fn times(candidates: &[Candidate]) -> Vec<u64> {
        candidates.iter().map(|candidate| candidate.key.occur_time_ms).collect()
    }

    #[tokio::test]
    async fn gives_candidates_in_order_and_goes_on_behind_the_last() {
        let mut window = Window::new(None, 100);
        [5, 3, 9, 7].into_iter().for_each(|n| window.add(candidate(n)));
        assert_eq!(times(&window.take(2)), [3, 5]);
        assert!(window.serves(Some(key(5))));
        assert!(!window.serves(Some(key(3))) && !window.serves(None));
        window.forget(&[key(7), key(8)]);
        assert_eq!(times(&window.take(9)), [9]);
    }

    #[tokio::test]
    async fn wants_what_is_behind_and_old_enough() {
        let window = Window::new(Some(key(10)), 20);
        let wanted: Vec<_> = [9, 10, 11, 20, 21].into_iter().filter(|n| window.wants(&key(*n))).collect();
        assert_eq!(wanted, [11, 20]);
    }

    #[tokio::test]
    async fn keeps_the_first_when_there_are_too_many() {
        let mut window = Window::new(None, u64::MAX);
        (0..CANDIDATES_MAX as u64).for_each(|n| window.add(candidate(n + 1)));
        assert!(window.is_whole() && !window.is_full_before(CANDIDATES_MAX as u64));
        assert!(window.is_full_before(CANDIDATES_MAX as u64 + 1));
        window.add(candidate(0));
        assert!(!window.is_whole());
        assert_eq!(times(&window.take(2)), [0, 1]);
    }
}
