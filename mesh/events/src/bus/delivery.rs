//! One event on its way to a handler.

use std::sync::Arc;

use crate::Envelope;

/// One event, out for processing until its receipt is settled.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event.
    pub envelope: Envelope,
    /// Which attempt this is; the first one is 1.
    pub attempt: u32,
    /// How many of the earlier attempts ended in a retry; the others ended without an outcome.
    pub failures: u32,
    /// What settles it.
    pub receipt: Receipt,
}

/// Settles one delivery, by [`Bus::ack`](crate::Bus::ack), [`Bus::retry`](crate::Bus::retry) or
/// [`Bus::park`](crate::Bus::park). Valid as long as the subscription that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The queue it came from.
    pub queue: Arc<str>,
    /// The subscription's number within the bus.
    pub subscription: u64,
    /// The delivery's number within the queue or the subscription, as the bus pleases.
    pub tag: u64,
}
