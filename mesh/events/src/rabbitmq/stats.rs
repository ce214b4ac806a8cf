//! What happened on the bus, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the bus was opened, by this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RabbitStats {
    /// Events that the broker confirmed to be in every queue that they are for.
    pub published: u64,
    /// Events that are for no queue.
    pub unrouted: u64,
    /// Events that were refused because a queue was full; they are published again.
    pub refused: u64,
    /// Messages that came back from the broker, those of unrouted events among them.
    pub returned: u64,
    /// Batches of which nobody knows what became; their events are published again.
    pub failed: u64,
    /// Events that a consumer settled as done.
    pub acked: u64,
    /// Events that a consumer gave back for later.
    pub retried: u64,
    /// Events that were parked, and messages that are no events.
    pub parked: u64,
}

impl RabbitStats {
    /// Writes the counts to the log, as one line.
    pub(super) fn log(&self) {
        let Self { published, unrouted, refused, returned, failed, acked, retried, parked } = *self;
        tracing::info!(published, unrouted, refused, returned, failed, acked, retried, parked, "bus closed");
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) published: Counter,
    pub(super) unrouted: Counter,
    pub(super) refused: Counter,
    pub(super) returned: Counter,
    pub(super) failed: Counter,
    pub(super) acked: Counter,
    pub(super) retried: Counter,
    pub(super) parked: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn count(&self) {
        self.add(1);
    }

    pub(super) fn add(&self, some: usize) {
        self.0.fetch_add(some as u64, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    pub(super) fn snapshot(&self) -> RabbitStats {
        RabbitStats {
            published: self.published.get(),
            unrouted: self.unrouted.get(),
            refused: self.refused.get(),
            returned: self.returned.get(),
            failed: self.failed.get(),
            acked: self.acked.get(),
            retried: self.retried.get(),
            parked: self.parked.get(),
        }
    }
}
