//! A consumer's bounds.

use std::{num::NonZeroUsize, time::Duration};

use crate::Ladder;

/// A consumer's bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerConfig {
    /// Events in processing at the same time. Default 256, which suits an effect in our own store; give 8 to a
    /// handler that talks to somebody outside.
    pub prefetch: NonZeroUsize,
    /// The longest that one attempt may take; then it failed for now. Default 30 s.
    pub timeout: Duration,
    /// When a failed event comes again. See [`Ladder`].
    pub ladder: Ladder,
    /// How long a stop waits for the events in processing; the rest comes again. Default 10 s.
    pub drain: Duration,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            prefetch: NonZeroUsize::new(256).expect("256 is above zero"),
            timeout: Duration::from_secs(30),
            ladder: Ladder::default(),
            drain: Duration::from_secs(10),
        }
    }
}
