//! The moment at which something ended, told upwards within one poll: to read the clock costs as much as the rest.

use std::cell::Cell;

use tokio::time::Instant;

thread_local! {
    static ENDED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What is polled next has ended nothing yet.
pub(super) fn forget() {
    ENDED.set(None);
}

/// Reads the clock, because an attempt ended.
pub(super) fn attempt_ended() -> Instant {
    let now = Instant::now();
    ENDED.set(Some(now));
    now
}

/// When a call ended: with the attempt that ended in the same poll, or now.
pub(super) fn call_ended() -> Instant {
    ENDED.take().unwrap_or_else(Instant::now)
}
