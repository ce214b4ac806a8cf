//! The share of an endpoint that has just come, or come back.
//!
//! Envoy multiplies the weight of an endpoint. Here, of two endpoints, the newer one is passed over as often as its
//! weight is less than the other's: so it gets the share that Envoy gives it, and endpoints that have all come at
//! once are alike.

use super::{
    SlowStartConfig,
    ticks::{Tick, since},
};
use crate::atomic::{AtomicU64, Ordering};

/// Since when an endpoint takes calls.
#[derive(Debug)]
pub(in crate::client) struct SlowStart {
    /// The tick, and a bit above it: set while the endpoint is new.
    since: AtomicU64,
}

const NEW: u64 = 1 << 32;

impl SlowStart {
    /// Not new: it has no calls yet, and nobody knows it as warm.
    pub(in crate::client) fn new() -> Self {
        Self { since: AtomicU64::new(0) }
    }

    /// From now on it is new.
    pub(in crate::client) fn begin(&self, config: &SlowStartConfig, now: Tick) {
        if !config.window.is_zero() {
            self.since.swap(NEW | u64::from(now), Ordering::Relaxed);
        }
    }

    /// Whether a call should rather go to `other`, if this one is much newer. `fraction` draws a random number from
    /// 0 up to 1.
    pub(in crate::client) fn yields_to(
        &self,
        other: &Self,
        config: &SlowStartConfig,
        now: Tick,
        fraction: impl FnOnce() -> f64,
    ) -> bool {
        // Nearly always it is warm, or all have come at once: then there is nothing to draw.
        let own = self.since.load(Ordering::Relaxed);
        if own & NEW == 0 || own == other.since.load(Ordering::Relaxed) {
            return false;
        }
        let Some(weight) = self.weight(config, now) else { return false };
        let ratio = weight / other.weight(config, now).unwrap_or(1.0);
        ratio < 1.0 && fraction() >= ratio
    }

    /// Its weight, as a fraction of what it will be; `None` once it is warm.
    fn weight(&self, config: &SlowStartConfig, now: Tick) -> Option<f64> {
        let bits = self.since.load(Ordering::Relaxed);
        if bits & NEW == 0 {
            return None;
        }
        let time = since(bits as Tick, now);
        if time >= config.window {
            // Whoever notices first; another one that begins anew meanwhile wins.
            let _ = self.since.compare_exchange(bits, 0, Ordering::Relaxed, Ordering::Relaxed);
            return None;
        }
        let progress = time.as_secs_f64() / config.window.as_secs_f64();
        // A power takes as long as all the rest of a choice, and the default needs none.
        let grown = if config.aggression == 1.0 { progress } else { progress.powf(1.0 / config.aggression) };
        let least = f64::from(config.min_weight_percent) / 100.0;
        Some(grown.max(least))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn over_10_s(aggression: f64) -> SlowStartConfig {
        SlowStartConfig { window: Duration::from_secs(10), aggression, min_weight_percent: 10 }
    }

    fn begun() -> SlowStart {
        let start = SlowStart::new();
        start.begin(&over_10_s(1.0), 1_000);
        start
    }

    #[test]
    fn grows_from_its_least_weight_to_all_of_it_within_the_window() {
        let (start, config) = (begun(), over_10_s(1.0));
        for (tick, weight) in [(1_000, 0.1), (1_500, 0.1), (3_000, 0.2), (6_000, 0.5), (10_000, 0.9)] {
            let found = start.weight(&config, tick).unwrap();
            assert!((found - weight).abs() < 1e-9, "{tick}: {found}");
        }
        assert_eq!(start.weight(&config, 11_000), None);
        assert_eq!(start.weight(&config, 2_000), None, "what is warm stays warm");
    }

    #[test]
    fn aggression_grows_faster_at_first() {
        let (start, config) = (begun(), over_10_s(2.0));
        let found = start.weight(&config, 3_500).unwrap();
        assert!((found - 0.5).abs() < 1e-9, "{found}");
    }

    #[test]
    fn yields_as_often_as_its_weight_is_less_than_the_others() {
        let (new, half, warm) = (begun(), begun(), begun());
        let config = over_10_s(1.0);
        assert_eq!(warm.weight(&config, 11_000), None);
        half.begin(&config, 6_000);
        new.begin(&config, 10_000);
        // 10 % and 50 %.
        let yields =
            |one: &SlowStart, other: &SlowStart, fraction| one.yields_to(other, &config, 11_000, || fraction);
        assert!(yields(&new, &warm, 0.11) && !yields(&new, &warm, 0.09));
        assert!(yields(&new, &half, 0.21) && !yields(&new, &half, 0.19));
        assert!(!yields(&half, &new, 0.99) && !yields(&warm, &new, 0.99) && !yields(&new, &new, 0.99));
    }

    #[test]
    fn without_a_window_everybody_is_warm_at_once() {
        let config = SlowStartConfig { window: Duration::ZERO, ..SlowStartConfig::default() };
        let start = SlowStart::new();
        start.begin(&config, 0);
        assert_eq!(start.weight(&config, 0), None);
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_who_notices_the_end_of_a_start_does_not_end_the_next_one() {
        loom::model(|| {
            let config = SlowStartConfig::default();
            let start = Arc::new(SlowStart::new());
            start.begin(&config, 0);
            let other = Arc::clone(&start);
            let other = thread::spawn(move || other.weight(&SlowStartConfig::default(), 20_000).is_some());
            start.begin(&config, 20_000);
            other.join().unwrap();
            assert!(start.weight(&config, 20_000).is_some());
        });
    }
}
