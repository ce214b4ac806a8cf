//! Time small enough to share an atomic with a measurement.

use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since a channel was made, in 32 bits: they come round after 49 days. Two of them are compared by
/// [`since`], which holds for spans of up to 24 days; what nobody touched for longer looks new, and is not
/// forgotten until somebody touches it.
pub(in crate::client) type Tick = u32;

/// When tick 0 was.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct Epoch(Instant);

impl Epoch {
    pub(in crate::client) fn new(now: Instant) -> Self {
        Self(now)
    }

    pub(in crate::client) fn tick(self, now: Instant) -> Tick {
        now.saturating_duration_since(self.0).as_millis() as Tick
    }
}

/// How long before `now` something was.
pub(super) fn since(then: Tick, now: Tick) -> Duration {
    Duration::from_millis(u64::from(ticks(then, now)))
}

/// How many ticks before `now` something was.
pub(super) fn ticks(then: Tick, now: Tick) -> Tick {
    // Another thread may have been given a later time than this one: that is no time ago.
    now.wrapping_sub(then).cast_signed().max(0).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ticks_are_milliseconds() {
        let epoch = Epoch::new(Instant::now());
        tokio::time::advance(Duration::from_micros(2_900)).await;
        assert_eq!(epoch.tick(Instant::now()), 2);
    }

    #[test]
    fn spans_survive_the_turn_of_the_counter() {
        assert_eq!(since(u32::MAX - 1, 3), Duration::from_millis(5));
        assert_eq!(since(3, 1), Duration::ZERO);
    }
}
