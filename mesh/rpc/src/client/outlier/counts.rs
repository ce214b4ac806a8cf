//! What was counted of an endpoint's answers.

use crate::{
    atomic::{AtomicU32, AtomicU64, Ordering},
    client::balance::Outcome,
};

/// The answers of an interval, and the failures since the last success.
#[derive(Debug)]
pub(super) struct Counts {
    /// Successes in the upper half, failures in the lower: taken together, they belong together.
    interval: AtomicU64,
    in_a_row: AtomicU32,
}

/// The answers of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) successes: u32,
    pub(super) failures: u32,
}

const SUCCESS: u64 = 1 << 32;
const FAILURE: u64 = 1;

impl Counts {
    pub(super) fn new() -> Self {
        Self { interval: AtomicU64::new(0), in_a_row: AtomicU32::new(0) }
    }

    /// Counts an answer. Returns how many failures there were in a row, if this was one of them.
    pub(super) fn record(&self, outcome: Outcome) -> Option<u32> {
        let add = |what| self.interval.fetch_add(what, Ordering::Relaxed);
        match outcome {
            Outcome::Success => {
                add(SUCCESS);
                // Read first: it nearly always is zero, and a line that nobody writes stays in every cache.
                if self.in_a_row.load(Ordering::Relaxed) != 0 {
                    self.in_a_row.store(0, Ordering::Relaxed);
                }
                None
            }
            Outcome::Failure | Outcome::TooLate => {
                add(FAILURE);
                Some(self.in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1))
            }
            Outcome::Overloaded | Outcome::Lost => {
                add(FAILURE);
                None
            }
            Outcome::Unknown => None,
        }
    }

    pub(super) fn in_a_row(&self) -> u32 {
        self.in_a_row.load(Ordering::Relaxed)
    }

    pub(super) fn begin_anew(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// Ends an interval and begins the next.
    pub(super) fn take(&self) -> Interval {
        // Read first: of ten thousand endpoints few have had a call since the last look.
        if self.interval.load(Ordering::Relaxed) == 0 {
            return Interval::default();
        }
        let bits = self.interval.swap(0, Ordering::Relaxed);
        Interval { successes: (bits >> 32) as u32, failures: bits as u32 }
    }
}

impl Interval {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            successes: self.successes.saturating_add(other.successes),
            failures: self.failures.saturating_add(other.failures),
        }
    }

    pub(super) fn volume(self) -> u32 {
        self.successes.saturating_add(self.failures)
    }

    /// The part that succeeded, of an interval that has answers.
    pub(super) fn success_rate(self) -> f64 {
        f64::from(self.successes) / f64::from(self.volume())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_ends_a_row_and_an_overloaded_or_lost_endpoint_neither_ends_nor_prolongs_it() {
        let counts = Counts::new();
        assert_eq!(counts.record(Outcome::Failure), Some(1));
        assert_eq!(counts.record(Outcome::TooLate), Some(2));
        for outcome in [Outcome::Overloaded, Outcome::Lost, Outcome::Unknown] {
            assert_eq!(counts.record(outcome), None);
            assert_eq!(counts.in_a_row(), 2);
        }
        counts.record(Outcome::Success);
        assert_eq!(counts.in_a_row(), 0);
        assert_eq!(counts.take(), Interval { successes: 1, failures: 4 });
    }

    #[test]
    fn no_answer_is_lost_or_counted_twice_while_intervals_end() {
        let counts = Counts::new();
        let mut taken = Vec::new();
        std::thread::scope(|scope| {
            for outcome in [Outcome::Success, Outcome::Failure] {
                let counts = &counts;
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        counts.record(outcome);
                    }
                });
            }
            taken.extend((0..1_000).map(|_| counts.take()));
        });
        taken.push(counts.take());
        let sum = |of: fn(&Interval) -> u32| taken.iter().map(of).sum::<u32>();
        assert_eq!((sum(|one| one.successes), sum(|one| one.failures)), (20_000, 20_000));
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_an_answer_belongs_to_one_interval() {
        loom::model(|| {
            let counts = Arc::new(Counts::new());
            let other = Arc::clone(&counts);
            let other = thread::spawn(move || {
                other.record(Outcome::Success);
                other.record(Outcome::Failure);
            });
            let (first, second) = (counts.take(), counts.take());
            other.join().unwrap();
            let third = counts.take();
            let sum = |of: fn(Interval) -> u32| of(first) + of(second) + of(third);
            assert_eq!((sum(|one| one.successes), sum(|one| one.failures)), (1, 1));
        });
    }

    #[test]
    fn loom_the_seventh_failure_is_seen_by_exactly_one_call() {
        loom::model(|| {
            let counts = Arc::new(Counts::new());
            for _ in 0..5 {
                counts.record(Outcome::Failure);
            }
            let other = Arc::clone(&counts);
            let other = thread::spawn(move || other.record(Outcome::Failure));
            let rows = [counts.record(Outcome::Failure), other.join().unwrap()];
            assert_eq!(rows.iter().filter(|row| **row == Some(7)).count(), 1);
        });
    }
}
