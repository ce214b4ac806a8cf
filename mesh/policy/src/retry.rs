//! Repeats of failed attempts.

use std::time::Duration;

use crate::Codes;

/// The smallest factor that jitter gives a wait; the largest is as far above 1 (gRFC A6: 0.8 to 1.2).
pub const SMALLEST_JITTER: f64 = 0.8;

/// Repeats of failed attempts, with the semantics of gRFC A6.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// The wait before the second attempt, before jitter.
    pub initial_backoff: Duration,
    /// The longest wait between two attempts, before jitter.
    pub max_backoff: Duration,
    /// What the wait is multiplied by after each attempt.
    pub backoff_multiplier: f64,
    /// The status codes that are worth another attempt.
    pub retryable_codes: Codes,
}

impl RetryPolicy {
    /// The wait before the retry number `retry` (1 is the second attempt), before jitter:
    /// `min(initial_backoff * backoff_multiplier^(retry - 1), max_backoff)`, as gRFC A6 defines it.
    ///
    /// Never panics: a product that is no duration counts as the longest wait.
    pub fn backoff(&self, retry: u32) -> Duration {
        let growths = i32::try_from(retry.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.initial_backoff.as_secs_f64() * self.backoff_multiplier.powi(growths);
        Duration::try_from_secs_f64(seconds).map_or(self.max_backoff, |wait| wait.min(self.max_backoff))
    }

    /// The waits of all attempts together, each with the smallest jitter: no run of all attempts waits less.
    pub fn shortest_waits(&self) -> Duration {
        (1..self.max_attempts)
            .map(|retry| self.backoff(retry).mul_f64(SMALLEST_JITTER))
            .fold(Duration::ZERO, Duration::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        max_attempts: 5,
        initial_backoff: Duration::from_millis(100),
        max_backoff: Duration::from_millis(300),
        backoff_multiplier: 2.0,
        retryable_codes: Codes::NONE.with(14),
    };

    #[test]
    fn backoff_grows_by_the_multiplier_up_to_the_longest_wait() {
        let waits: Vec<_> = (1..5).map(|retry| POLICY.backoff(retry).as_millis()).collect();
        assert_eq!(waits, [100, 200, 300, 300]);
    }

    #[test]
    fn shortest_waits_are_four_fifths_of_the_backoffs() {
        assert_eq!(POLICY.shortest_waits(), Duration::from_millis(720));
    }

    #[test]
    fn a_product_that_is_no_duration_is_the_longest_wait() {
        for backoff_multiplier in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
            let policy = RetryPolicy { backoff_multiplier, ..POLICY };
            assert_eq!(policy.backoff(2), POLICY.max_backoff, "{backoff_multiplier}");
        }
        assert_eq!(POLICY.backoff(u32::MAX), POLICY.max_backoff);
    }
}
