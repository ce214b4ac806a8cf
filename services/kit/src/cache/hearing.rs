//! What is heard of changes made elsewhere, and what that makes of values read before. No I/O.

use std::{
    sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release},
    time::Duration,
};

use tokio::time::Instant;

use super::CacheConfig;

/// Changes are heard of.
const HEARD: u64 = u64::MAX;

/// A moment of a cache: what the store said *after* it is what the cache's epoch of that moment vouches for.
///
/// Take it before a read or a commit. Between the two and what the cache is told of them there may be a gap in
/// the announcements, and a change in that gap is one that nobody will announce.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    pub(super) epoch: u64,
    pub(super) at: Instant,
}

/// Whether changes are heard of. An epoch is a stretch without a gap: each gap begins a new one, and what was read in
/// an earlier one may have changed unheard.
#[derive(Debug)]
pub(super) struct Hearing {
    epoch: AtomicU64,
    /// Since when nothing is heard, in milliseconds from `born`; or [`HEARD`].
    deaf_since_ms: AtomicU64,
    born: Instant,
    grace: Duration,
    ttl: Duration,
}

/// What may be believed at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trust {
    pub(super) now: Moment,
    /// How long anything is believed at most, while nothing is heard.
    ttl: Option<Duration>,
}

// === impl Hearing ===

impl Hearing {
    pub(super) fn new(config: &CacheConfig) -> Self {
        Self {
            epoch: AtomicU64::new(0),
            deaf_since_ms: AtomicU64::new(HEARD),
            born: Instant::now(),
            grace: config.interrupted_grace,
            ttl: config.interrupted_ttl,
        }
    }

    /// Nothing is heard from now on. Saying it again does not begin the grace anew.
    pub(super) fn interrupted(&self) {
        let now_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(HEARD - 1);
        // It fails when it was said before.
        _ = self.deaf_since_ms.compare_exchange(HEARD, now_ms, Release, Acquire);
    }

    /// Everything is heard from now on.
    pub(super) fn resumed(&self) {
        // In this order, and read in the other: whoever sees that lifetimes are whole again also sees the epoch.
        self.epoch.fetch_add(1, Release);
        self.deaf_since_ms.store(HEARD, Release);
    }

    pub(super) fn trust(&self) -> Trust {
        let at = Instant::now();
        let ttl = match self.deaf_since_ms.load(Acquire) {
            HEARD => None,
            since_ms => {
                let silence = at.duration_since(self.born).saturating_sub(Duration::from_millis(since_ms));
                (silence >= self.grace).then_some(self.ttl)
            }
        };
        Trust { now: Moment { epoch: self.epoch.load(Acquire), at }, ttl }
    }
}

// === impl Trust ===

impl Trust {
    /// Everything is believed for its lifetime that was read in the epoch of `now`.
    #[cfg(test)]
    pub(super) fn at(now: Moment) -> Self {
        Self { now, ttl: None }
    }

    /// Whether nothing that happened since `read` can have gone unheard, or not for long.
    pub(super) fn covers(&self, read: Moment) -> bool {
        read.epoch == self.now.epoch && self.ttl.is_none_or(|ttl| self.now.at < read.at + ttl)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const STEP: Duration = Duration::from_millis(1);

    fn hearing() -> Hearing {
        Hearing::new(&CacheConfig::default())
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_ends_the_trust_in_all_that_was_read_before_its_end() {
        let hearing = hearing();
        let before = hearing.trust().now;
        assert!(hearing.trust().covers(before));
        hearing.interrupted();
        let within = hearing.trust().now;
        assert!(hearing.trust().covers(before) && hearing.trust().covers(within));
        hearing.resumed();
        assert!(!hearing.trust().covers(before) && !hearing.trust().covers(within));
        assert!(hearing.trust().covers(hearing.trust().now));
    }

    #[tokio::test(start_paused = true)]
    async fn lifetimes_shrink_five_seconds_into_a_silence_and_recover_with_it() {
        let hearing = hearing();
        advance(Duration::from_secs(100)).await;
        let old = hearing.trust().now;
        advance(Duration::from_secs(100)).await;
        hearing.interrupted();
        advance(Duration::from_secs(5) - STEP).await;
        // A second word of it does not lengthen the grace.
        hearing.interrupted();
        assert!(hearing.trust().covers(old));
        advance(STEP).await;
        assert!(!hearing.trust().covers(old));

        let fresh = hearing.trust().now;
        advance(Duration::from_secs(5) - STEP).await;
        assert!(hearing.trust().covers(fresh));
        advance(STEP).await;
        assert!(!hearing.trust().covers(fresh));

        hearing.resumed();
        let heard = hearing.trust().now;
        advance(Duration::from_secs(3600)).await;
        assert!(hearing.trust().covers(heard));
    }
}
