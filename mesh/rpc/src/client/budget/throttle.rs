//! When repeats stop because too much fails.

use super::ThrottleConfig;
use crate::atomic::{AtomicU32, Ordering};

/// The token bucket of gRFC A6, counted in thousandths of a token.
#[derive(Debug)]
pub(in crate::client) struct Throttle {
    tokens: AtomicU32,
    max: u32,
    gain: u32,
}

const TOKEN: u32 = 1_000;

impl Throttle {
    pub(in crate::client) fn new(config: &ThrottleConfig) -> Self {
        let max = config.max_tokens.saturating_mul(TOKEN);
        let gain = (config.token_ratio * f64::from(TOKEN)) as u32;
        Self { tokens: AtomicU32::new(max), max, gain }
    }

    /// An attempt failed in a way that repeats are made for, or was told not to be repeated: one token less.
    /// Whether repeats may go on.
    pub(in crate::client) fn failed(&self) -> bool {
        self.change(|tokens| tokens.saturating_sub(TOKEN)) > self.max / 2
    }

    /// A call went well.
    pub(in crate::client) fn succeeded(&self) {
        // Read first: all calls share this, and while all is well nobody writes.
        if self.tokens.load(Ordering::Relaxed) == self.max {
            return;
        }
        self.change(|tokens| tokens.saturating_add(self.gain).min(self.max));
    }

    /// Whether repeats may go on.
    pub(in crate::client) fn is_open(&self) -> bool {
        self.tokens.load(Ordering::Relaxed) > self.max / 2
    }

    /// The tokens after `change`.
    fn change(&self, change: impl Fn(u32) -> u32) -> u32 {
        let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
        let before = self.tokens.fetch_update(set, get, |tokens| Some(change(tokens)));
        change(before.unwrap_or_else(|before| before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(max_tokens: u32, token_ratio: f64) -> Throttle {
        Throttle::new(&ThrottleConfig { max_tokens, token_ratio })
    }

    /// The example of gRFC A6: ten tokens, a tenth for a success.
    #[test]
    fn stops_at_half_of_its_tokens() {
        let throttle = throttle(10, 0.1);
        assert_eq!([(); 6].map(|()| throttle.failed()), [true, true, true, true, false, false]);
        assert!(!throttle.is_open());
    }

    #[test]
    fn opens_again_when_successes_have_filled_it_above_half() {
        let throttle = throttle(10, 0.1);
        (0..6).for_each(|_| {
            throttle.failed();
        });
        // At 4 of 10 tokens; a tenth each.
        (0..10).for_each(|_| throttle.succeeded());
        assert!(!throttle.is_open(), "half is not more than half");
        throttle.succeeded();
        assert!(throttle.is_open());
    }

    #[test]
    fn is_never_below_empty_and_never_above_full() {
        let throttle = throttle(2, 0.5);
        (0..100).for_each(|_| {
            throttle.failed();
        });
        (0..3).for_each(|_| throttle.succeeded());
        assert!(throttle.is_open(), "1.5 of 2");
        (0..100).for_each(|_| throttle.succeeded());
        assert!(!throttle.failed(), "2 - 1 is half");
    }

    #[test]
    fn counts_to_a_thousandth() {
        let throttle = throttle(2, 0.001);
        assert!(!throttle.failed());
        throttle.succeeded();
        assert!(throttle.is_open());
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_no_failure_and_no_success_is_lost() {
        loom::model(|| {
            let throttle = Arc::new(Throttle::new(&ThrottleConfig { max_tokens: 4, token_ratio: 0.5 }));
            throttle.failed();
            let other = Arc::clone(&throttle);
            let other = thread::spawn(move || other.failed());
            throttle.succeeded();
            other.join().unwrap();
            // 4 - 1 - 1 + 0.5 tokens, in whatever order.
            assert_eq!(throttle.tokens.load(Ordering::Relaxed), 2_500);
        });
    }
}
