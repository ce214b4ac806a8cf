//! The relay's bounds.

use std::{num::NonZeroUsize, time::Duration};

/// The relay's bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayConfig {
    /// Events handed over and not yet published; what does not fit waits for the sweep. Default 4096.
    pub offered_max: NonZeroUsize,
    /// Events in one publish, and in one page of the sweep. Default 512.
    pub batch_max: NonZeroUsize,
    /// How often marks are written at most, unless four batches wait for theirs. What is published meanwhile is marked
    /// together, which costs the outbox's store much less; after a crash, it is what is published twice. Default 100 ms.
    pub mark_every: Duration,
    /// How often the outbox is swept. Default 1 s.
    pub sweep_every: Duration,
    /// How old an event must be to be swept, so that the fast path is not overtaken. Default 2 s. The first
    /// sweep takes everything: nothing of a former process is on the fast path.
    pub sweep_age: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            offered_max: NonZeroUsize::new(4096).expect("4096 is above zero"),
            batch_max: NonZeroUsize::new(512).expect("512 is above zero"),
            mark_every: Duration::from_millis(100),
            sweep_every: Duration::from_secs(1),
            sweep_age: Duration::from_secs(2),
        }
    }
}
