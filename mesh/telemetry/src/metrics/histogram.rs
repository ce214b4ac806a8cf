//! Values, sorted into buckets.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Value, snapshot::Instrument};

/// Values, sorted into buckets by upper bounds that are included, as both Prometheus and OpenTelemetry have it.
///
/// A value costs a search of the bounds and two relaxed atomics. Whoever reads meanwhile may see a value counted and
/// not yet summed.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One more than bounds: the last is for what is above them all.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one. `bounds` rise.
    pub fn new(bounds: &'static [u64]) -> Self {
        debug_assert!(bounds.is_sorted());
        Self {
            bounds,
            buckets: (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect(),
            sum: AtomicU64::new(0),
        }
    }

    /// Records a value, in whole units: nanoseconds, bytes, things.
    pub fn record(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        // There is a bucket for every result of the search.
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.load(Ordering::Relaxed) == 0)
    }
}

impl Instrument for Histogram {
    fn value(&self) -> Value {
        Value::Histogram {
            bounds: self.bounds,
            counts: self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect(),
            sum: self.sum.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{LATENCY_NANOS, SIZE_BYTES};

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let histogram = Histogram::new(&[0, 10, 20]);
        assert!(histogram.is_empty());
        for value in [0, 1, 10, 11, 20, 21, 1_000] {
            histogram.record(value);
        }
        let expected = Value::Histogram { bounds: &[0, 10, 20], counts: vec![1, 2, 2, 2], sum: 1_063 };
        assert_eq!(histogram.value(), expected);
        assert!(!histogram.is_empty());
    }

    #[test]
    fn the_bounds_of_grfc_a66_rise_from_nothing_to_100_s_and_4_gib() {
        assert!(LATENCY_NANOS.is_sorted() && SIZE_BYTES.is_sorted());
        assert_eq!((LATENCY_NANOS[0], LATENCY_NANOS[1], LATENCY_NANOS[40]), (0, 10_000, 100_000_000_000));
        assert_eq!((SIZE_BYTES[1], SIZE_BYTES[13]), (1_024, 4_294_967_296));
    }
}
