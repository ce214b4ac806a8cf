//! When a second node is asked the same.

use std::time::Duration;

use scylla::policies::speculative_execution::{Context, SpeculativeExecutionPolicy};

/// How many of a hundred answers would have been there.
const PERCENTILE: f64 = 99.0;
/// The percentile comes in whole milliseconds. Nothing waited for would be every read sent twice.
const SHORTEST: Duration = Duration::from_millis(1);
/// The percentile is one of everything that the session has ever run, conditional writes and the first, slow answers
/// among it. A read that may take no longer than that would never be asked elsewhere.
const LONGEST: Duration = Duration::from_millis(100);

/// Asks one other node once 99 of 100 answers would have been there, within bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct SecondTry;

impl SpeculativeExecutionPolicy for SecondTry {
    fn max_retry_count(&self, _context: &Context) -> usize {
        1
    }

    fn retry_interval(&self, context: &Context) -> Duration {
        after(context.metrics.get_latency_percentile_ms(PERCENTILE).ok())
    }
}

/// The wait, given the percentile; `None`: nothing was answered yet.
fn after(percentile_ms: Option<u64>) -> Duration {
    percentile_ms.map_or(LONGEST, Duration::from_millis).clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cql::Purpose;

    #[test]
    fn the_wait_is_neither_nothing_nor_the_whole_time_of_the_read() {
        assert_eq!(after(Some(0)), SHORTEST);
        assert_eq!(after(Some(7)), Duration::from_millis(7));
        for slow in [Some(3_000), None] {
            assert!(after(slow) * 2 < Purpose::Tolerant.bound(), "{slow:?}");
        }
    }
}
