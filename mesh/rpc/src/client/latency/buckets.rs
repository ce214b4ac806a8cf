//! Counts of latencies in buckets that grow with them.

use std::time::Duration;

use crate::atomic::{AtomicU32, Ordering};

/// Each power of two is cut into eight: a latency is known to an eighth of itself.
const BITS: u32 = 3;
const PARTS: u64 = 1 << BITS;
/// The largest power of two of microseconds: two minutes and more share the last bucket.
const LARGEST: u32 = 27;
const BUCKETS: usize = ((LARGEST - BITS + 2) as usize) << BITS;

/// A log-linear histogram from a microsecond to two minutes, 832 bytes.
#[derive(Debug)]
pub(super) struct Buckets([AtomicU32; BUCKETS]);

impl Default for Buckets {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(0)))
    }
}

impl Buckets {
    pub(super) fn add(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0[index(micros)].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }
}

/// How many latencies two histograms hold together, and below which latency `share` of them are, to the upper
/// end of its bucket.
pub(super) fn quantile(one: &Buckets, other: &Buckets, share: f64) -> (u64, Duration) {
    let counts = || {
        let pairs = one.0.iter().zip(&other.0);
        pairs.map(|(one, other)| {
            u64::from(one.load(Ordering::Relaxed)) + u64::from(other.load(Ordering::Relaxed))
        })
    };
    let total: u64 = counts().sum();
    let wanted = ((total as f64 * share).ceil() as u64).max(1);
    let mut seen = 0;
    let at = counts().position(|count| {
        seen += count;
        seen >= wanted
    });
    (total, Duration::from_micros(end(at.unwrap_or(BUCKETS - 1))))
}

fn index(micros: u64) -> usize {
    if micros < PARTS {
        return micros as usize;
    }
    let power = micros.ilog2();
    let part = (micros >> (power - BITS)) & (PARTS - 1);
    let index = ((u64::from(power - BITS + 1)) << BITS) + part;
    (index as usize).min(BUCKETS - 1)
}

/// The first microsecond beyond a bucket.
fn end(index: usize) -> u64 {
    let next = index as u64 + 1;
    if next < PARTS {
        return next;
    }
    let (row, part) = (next >> BITS, next & (PARTS - 1));
    (PARTS + part) << (row - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_95th_of_a_hundred_is_found_to_an_eighth() {
        let (one, other) = (Buckets::default(), Buckets::default());
        for millis in 1..=100 {
            let half = if millis % 2 == 0 { &one } else { &other };
            half.add(Duration::from_millis(millis));
        }
        let (total, p95) = quantile(&one, &other, 0.95);
        assert_eq!(total, 100);
        assert!((95.0..=95.0 * 1.125).contains(&(p95.as_secs_f64() * 1_000.0)), "{p95:?}");
    }

    #[test]
    fn what_is_beyond_the_last_bucket_is_in_it() {
        let (one, other) = (Buckets::default(), Buckets::default());
        one.add(Duration::MAX);
        assert!(quantile(&one, &other, 0.95).1 >= Duration::from_secs(120));
        one.clear();
        assert_eq!(quantile(&one, &other, 0.95).0, 0);
    }

    proptest! {
        #[test]
        fn a_bucket_ends_beyond_what_is_in_it_and_at_most_an_eighth(micros in 0..134_000_000_u64) {
            let end = end(index(micros));
            prop_assert!(micros < end);
            prop_assert!(end - micros <= (micros / PARTS).max(1));
        }

        #[test]
        fn longer_is_never_in_an_earlier_bucket(micros in any::<u64>(), more in any::<u32>()) {
            prop_assert!(index(micros) <= index(micros.saturating_add(u64::from(more))));
        }
    }
}
