//! How often silent connections are asked whether they live, as servers will have it (gRFC A8).

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What it is at most, if it is not more from the beginning: what gRPC's servers take for themselves (gRFC A9). They
/// allow a ping every five minutes if nothing else is said.
const MOST: Duration = Duration::from_secs(2 * 60 * 60);

/// The interval of keepalive pings on new connections, in nanoseconds: what is configured, until a server says that
/// this is too often.
#[derive(Debug)]
pub(super) struct PingInterval(AtomicU64);

impl PingInterval {
    pub(super) fn new(configured: Duration) -> Self {
        Self(AtomicU64::new(nanos(configured)))
    }

    pub(super) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// A connection that was asked `every` so long is lost for that. From the next one on it is twice as long; of
    /// several connections that were lost together only once. Returns what it is now, if that is more than before.
    pub(super) fn was_too_often(&self, every: Duration) -> Option<Duration> {
        let doubled = every.saturating_mul(2).min(MOST);
        let before = self.0.fetch_max(nanos(doubled), Ordering::Relaxed);
        (before < nanos(doubled)).then_some(doubled)
    }
}

/// Of what is configured, up to some five hundred years.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_from_what_the_lost_connection_had_until_two_hours() {
        let interval = PingInterval::new(Duration::from_secs(30));
        let minute = Duration::from_secs(60);
        assert_eq!(interval.was_too_often(Duration::from_secs(30)), Some(minute));
        // Another connection from before.
        assert_eq!((interval.was_too_often(Duration::from_secs(30)), interval.get()), (None, minute));
        let mut steps = Vec::new();
        while let Some(next) = interval.was_too_often(interval.get()) {
            steps.push(next.as_secs() / 60);
        }
        assert_eq!(steps, [2, 4, 8, 16, 32, 64, 120]);
    }

    #[test]
    fn what_is_more_from_the_beginning_stays() {
        let day = Duration::from_secs(24 * 60 * 60);
        let interval = PingInterval::new(day);
        assert_eq!((interval.was_too_often(day), interval.get()), (None, day));
        assert_eq!(PingInterval::new(Duration::from_nanos(1)).get(), Duration::from_nanos(1));
    }
}
