//! Events that were set aside for an operator.

use uuid::Uuid;

use crate::Envelope;

/// An event that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParkedEvent {
    /// The event.
    pub envelope: Envelope,
    /// Why.
    pub reason: String,
    /// When, in milliseconds since the Unix epoch.
    pub park_time_ms: u64,
    /// The deliveries it had.
    pub attempts: u32,
}

/// Some parked events of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParkedPage {
    /// The events, in the order of their ids.
    pub events: Vec<ParkedEvent>,
    /// Where the next page begins; `None`: this is the last one.
    pub next: Option<Uuid>,
}
