//! How long to wait before the next attempt to connect (grpc/doc/connection-backoff.md).

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::ChannelConfig;

const MULTIPLIER: f64 = 1.6;
const JITTER: f64 = 0.2;

/// Exponential waits with jitter from a seed, so that clients that lost one server together do not come back
/// together, and a simulation can be replayed.
#[derive(Debug)]
pub(super) struct Backoff {
    initial: Duration,
    max: Duration,
    rng: Mutex<StdRng>,
}

impl Backoff {
    pub(super) fn new(config: &ChannelConfig, seed: u64) -> Self {
        Self {
            initial: config.backoff_initial,
            max: config.backoff_max,
            rng: Mutex::new(StdRng::seed_from_u64(seed)),
        }
    }

    /// The wait after `failures` failed attempts in a row, from 1.
    pub(super) fn after(&self, failures: u32) -> Duration {
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let wait = (self.initial.as_secs_f64() * MULTIPLIER.powi(exponent)).min(self.max.as_secs_f64());
        let jitter = {
            let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
            rng.random_range(1.0 - JITTER..1.0 + JITTER)
        };
        Duration::from_secs_f64(wait * jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_bound_and_stays_within_its_jitter() {
        let backoff = Backoff::new(&ChannelConfig::default(), 7);
        for (failures, millis) in [(1, 100.0), (2, 160.0), (3, 256.0), (20, 5_000.0), (u32::MAX, 5_000.0)] {
            let wait = backoff.after(failures).as_secs_f64() * 1_000.0;
            assert!((wait / millis - 1.0).abs() <= JITTER, "{failures}: {wait} ms");
        }
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let waits = |seed| {
            let backoff = Backoff::new(&ChannelConfig::default(), seed);
            [1, 2, 3].map(|failures| backoff.after(failures))
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
