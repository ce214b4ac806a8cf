//! When a name is asked for again.

use std::time::Duration;

use crate::client::{backoff::Backoff, balance::Random};

/// No name is asked for more often, however short its TTL is, and however many connections are lost.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// By how much each wait differs from the next: clients that began together do not ask together.
const JITTER: f64 = 0.1;

/// When a name is asked for again.
///
/// - After an answer: when its TTL is over, or up to a tenth of it later (a question before that would be answered
///   from a cache, with what is left of the TTL); after `resolve_interval` at most, or up to a tenth of it sooner.
/// - After a failure: as after a failed attempt to connect, sooner at first and then less and less often.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    interval: Duration,
    backoff: &'a Backoff,
    random: &'a Random,
    failures: u32,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(interval: Duration, backoff: &'a Backoff, random: &'a Random) -> Self {
        Self { interval, backoff, random, failures: 0 }
    }

    /// The wait after an answer.
    pub(super) fn answered(&mut self, ttl: Option<Duration>) -> Duration {
        self.failures = 0;
        let jitter = self.random.fraction() * JITTER;
        let most = self.interval.mul_f64(1.0 - jitter);
        let wait =
            ttl.map_or(most, |ttl| ttl.saturating_add(ttl.min(self.interval).mul_f64(jitter)).min(most));
        wait.max(SHORTEST.min(self.interval))
    }

    /// The wait after a failure.
    pub(super) fn failed(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.backoff.after(self.failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ChannelConfig;

    fn waits(ttl: Option<u64>) -> Vec<f64> {
        let config = ChannelConfig { resolve_interval: Duration::from_secs(30), ..ChannelConfig::default() };
        let (backoff, random) = (Backoff::new(&config, 1), Random::new(1));
        let mut schedule = Schedule::new(config.resolve_interval, &backoff, &random);
        let mut wait = || schedule.answered(ttl.map(Duration::from_secs)).as_secs_f64();
        (0..1_000).map(|_| wait()).collect()
    }

    #[test]
    fn waits_for_the_ttl_within_its_bounds() {
        for (ttl, least, most) in [
            (Some(10), 10.0, 11.0),
            // A second at least, and the interval at most.
            (Some(0), 1.0, 1.0),
            (Some(1), 1.0, 1.1),
            (Some(3_600), 27.0, 30.0),
            (Some(u64::MAX), 27.0, 30.0),
            (None, 27.0, 30.0),
        ] {
            let waits = waits(ttl);
            assert!(waits.iter().all(|wait| (least..=most).contains(wait)), "{ttl:?}");
            let (first, last) =
                (waits.iter().copied().fold(f64::MAX, f64::min), waits.iter().copied().fold(0.0, f64::max));
            // The whole of the jitter is used.
            assert!(last - first >= 0.8 * (most - least), "{ttl:?}: {first} to {last}");
        }
    }

    #[test]
    fn waits_longer_after_each_failure_and_begins_anew_after_an_answer() {
        let config = ChannelConfig::default();
        let (backoff, random) = (Backoff::new(&config, 1), Random::new(1));
        let mut schedule = Schedule::new(config.resolve_interval, &backoff, &random);
        let near = |wait: Duration, millis: f64| (wait.as_secs_f64() * 1_000.0 / millis - 1.0).abs() <= 0.2;
        assert!(near(schedule.failed(), 100.0));
        assert!(near(schedule.failed(), 160.0));
        assert!((0..20).map(|_| schedule.failed()).last().is_some_and(|wait| near(wait, 5_000.0)));
        schedule.answered(None);
        assert!(near(schedule.failed(), 100.0));
    }
}
