//! The generic cell rate algorithm.

use std::time::Duration;

use mesh_policy::RateLimit;

const SECOND: u64 = 1_000_000_000;

/// A token bucket that is one number: the theoretical arrival time (TAT), at which it will be full again, in
/// nanoseconds. A call moves it on by the interval between two calls; it must not be further away than a whole
/// bucket takes to fill (ITU-T I.371, "virtual scheduling").
#[derive(Clone, Copy, Debug)]
pub(super) struct Gcra {
    limit: RateLimit,
    interval: u64,
    whole: u64,
}

impl Gcra {
    /// A limit with a zero in it allows one.
    pub(super) fn new(limit: RateLimit) -> Self {
        let interval = (SECOND / u64::from(limit.per_second.max(1))).max(1);
        Self { limit, interval, whole: interval.saturating_mul(u64::from(limit.burst.max(1))) }
    }

    pub(super) fn limit(&self) -> RateLimit {
        self.limit
    }

    /// The next TAT after a call at `now`.
    ///
    /// # Errors
    /// How long to wait, when the bucket is empty.
    pub(super) fn next(&self, tat: u64, now: u64) -> Result<u64, Duration> {
        let next = tat.max(now).saturating_add(self.interval);
        let ahead = next - now;
        if ahead <= self.whole { Ok(next) } else { Err(Duration::from_nanos(ahead - self.whole)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bucket as everybody explains it.
    struct Bucket {
        tokens: f64,
        at: u64,
        limit: RateLimit,
    }

    impl Bucket {
        /// How many tokens there are, and whether one was taken.
        fn take(&mut self, now: u64) -> (f64, bool) {
            let earned = (now - self.at) as f64 / SECOND as f64 * f64::from(self.limit.per_second);
            self.tokens = (self.tokens + earned).min(f64::from(self.limit.burst));
            self.at = now;
            let there = self.tokens;
            if there >= 1.0 {
                self.tokens -= 1.0;
            }
            (there, there >= 1.0)
        }
    }

    #[test]
    fn a_whole_bucket_at_once_and_then_one_for_each_interval() {
        let gcra = Gcra::new(RateLimit { per_second: 10, burst: 3 });
        let mut tat = 0;
        let mut ask = |millis: u64| {
            let asked = gcra.next(tat, SECOND + millis * 1_000_000);
            tat = asked.unwrap_or(tat);
            asked.map(drop).map_err(|wait| wait.as_millis())
        };
        assert_eq!([ask(0), ask(0), ask(0), ask(0)], [Ok(()), Ok(()), Ok(()), Err(100)]);
        assert_eq!([ask(99), ask(100), ask(100)], [Err(1), Ok(()), Err(100)]);
        assert_eq!([ask(5_000), ask(5_000), ask(5_000), ask(5_000)], [Ok(()), Ok(()), Ok(()), Err(100)]);
    }

    #[test]
    fn rates_that_no_clock_can_tell_apart_are_limits_too() {
        let gcra = Gcra::new(RateLimit { per_second: u32::MAX, burst: u32::MAX });
        assert_eq!(gcra.next(0, 5), Ok(6));
        let gcra = Gcra::new(RateLimit { per_second: 0, burst: 0 });
        assert_eq!(gcra.next(0, 0), Ok(SECOND));
        assert_eq!(gcra.next(SECOND, 0), Err(Duration::from_secs(1)));
        assert!(gcra.next(u64::MAX, 0).is_err());
    }

    proptest! {
        #[test]
        fn it_is_the_token_bucket(
            per_second in 1_u32..2_000,
            burst in 1_u32..50,
            pauses in proptest::collection::vec(0_u64..20_000_000, 1..200),
        ) {
            let limit = RateLimit { per_second, burst };
            let gcra = Gcra::new(limit);
            let mut bucket = Bucket { tokens: f64::from(burst), at: SECOND, limit };
            let (mut tat, mut now) = (0, SECOND);
            for pause in pauses {
                now += pause;
                let (there, taken) = bucket.take(now);
                let next = gcra.next(tat, now);
                tat = next.unwrap_or(tat);
                if next.is_ok() != taken {
                    // Intervals are whole nanoseconds: only on the very edge may they differ.
                    prop_assert!((there - 1.0).abs() < 1e-3, "{there} tokens");
                    bucket.tokens = there - f64::from(u32::from(next.is_ok()));
                }
            }
        }

        #[test]
        fn who_waits_as_long_as_told_is_let_in(
            per_second in 1_u32..1_000_000,
            burst in 1_u32..1_000,
            ahead in 0_u64..10_000_000_000,
        ) {
            let gcra = Gcra::new(RateLimit { per_second, burst });
            if let Err(wait) = gcra.next(SECOND + ahead, SECOND) {
                let wait = u64::try_from(wait.as_nanos()).unwrap();
                prop_assert!(gcra.next(SECOND + ahead, SECOND + wait).is_ok());
                prop_assert!(gcra.next(SECOND + ahead, SECOND + wait - 1).is_err());
            }
        }
    }
}
