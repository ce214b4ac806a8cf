//! Who wants which events.

use crate::EventKind;

/// A durable queue and the kinds of events that it collects. Name queues `<service>.<event>`, such as
/// `notification.user-created`: the name identifies the queue across restarts and versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The queue's name.
    pub queue: String,
    /// The kinds that it collects.
    pub kinds: Vec<EventKind>,
}

// === impl Subscription ===

impl Subscription {
    /// Names a queue and what it collects.
    pub fn new(queue: impl Into<String>, kinds: impl IntoIterator<Item = EventKind>) -> Self {
        Self { queue: queue.into(), kinds: kinds.into_iter().collect() }
    }
}
