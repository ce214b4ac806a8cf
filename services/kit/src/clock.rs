//! Wall-clock time, injected: what is stored with a time, or expires at one, asks a [`Clock`].
//!
//! Timeouts inside a process use `tokio::time`; this is only for times that outlive it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// The time `duration` later; the end of time rather than an overflow.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The time as protobuf writes it.
#[must_use]
pub fn timestamp(at: UnixMillis) -> prost_types::Timestamp {
    let seconds = i64::try_from(at.0 / 1_000).unwrap_or(i64::MAX);
    let nanos = i32::try_from(at.0 % 1_000).unwrap_or_default() * 1_000_000;
    prost_types::Timestamp { seconds, nanos }
}

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self(Arc::new(|| {
            let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            UnixMillis(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
        }))
    }

    /// A clock that stands at `start` until its [`Hand`] moves it.
    #[must_use]
    pub fn manual(start: UnixMillis) -> (Self, Hand) {
        let hand = Hand(Arc::new(AtomicU64::new(start.0)));
        let read = hand.clone();
        (Self(Arc::new(move || UnixMillis(read.0.load(Ordering::SeqCst)))), hand)
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// Moves a [`Clock::manual`].
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    /// Moves the clock forward.
    pub fn advance(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}
