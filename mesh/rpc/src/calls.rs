//! The calls of a channel or of a server: how many are under way, and the number of each.

use crate::atomic::{AtomicU64, Ordering::Relaxed};

/// Calls in flight, and above them how many were begun: a call is counted, and gets its number, by one
/// atomic operation.
#[derive(Debug, Default)]
pub(crate) struct Calls(AtomicU64);

/// Where the number of calls that were begun is; below it are those in flight.
const BEGUN: u32 = 32;

/// A call that was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How many were begun before it; comes round after four billion.
    pub(crate) number: u32,
    /// Calls in flight, this one included.
    pub(crate) in_flight: usize,
}

impl Calls {
    /// Counts a call, if fewer than `limit` are in flight.
    pub(crate) fn take(&self, limit: usize) -> Option<Counted> {
        let one_more = |calls: u64| (in_flight(calls) < limit).then(|| calls.wrapping_add((1 << BEGUN) | 1));
        let before = self.0.fetch_update(Relaxed, Relaxed, one_more).ok()?;
        Some(Counted { number: (before >> BEGUN) as u32, in_flight: in_flight(before) + 1 })
    }

    pub(crate) fn give_back(&self) {
        self.0.fetch_sub(1, Relaxed);
    }

    pub(crate) fn in_flight(&self) -> usize {
        in_flight(self.0.load(Relaxed))
    }
}

fn in_flight(calls: u64) -> usize {
    calls as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_numbered_and_no_more_are_in_flight_than_may_be() {
        let calls = Calls::default();
        assert_eq!(calls.take(2), Some(Counted { number: 0, in_flight: 1 }));
        assert_eq!(calls.take(2), Some(Counted { number: 1, in_flight: 2 }));
        assert_eq!(calls.take(2), None);
        calls.give_back();
        assert_eq!(calls.in_flight(), 1);
        assert_eq!(calls.take(2), Some(Counted { number: 2, in_flight: 2 }));
    }

    #[test]
    fn numbers_come_round_and_those_in_flight_do_not() {
        let calls = Calls::default();
        calls.0.store((u64::from(u32::MAX) << BEGUN) | 7, Relaxed);
        assert_eq!(calls.take(10), Some(Counted { number: u32::MAX, in_flight: 8 }));
        assert_eq!(calls.take(10), Some(Counted { number: 0, in_flight: 9 }));
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_two_calls_have_two_numbers_and_one_of_them_the_last_place() {
        loom::model(|| {
            let calls = Arc::new(Calls::default());
            let other = Arc::clone(&calls);
            let other = thread::spawn(move || other.take(2).map(|counted| counted.number));
            let one = calls.take(2).map(|counted| counted.number);
            assert!(one != other.join().unwrap());
            assert_eq!((calls.take(2), calls.in_flight()), (None, 2));
        });
    }
}
