//! What every bus promises.

use std::{num::NonZeroUsize, time::Duration};

use async_trait::async_trait;
use uuid::Uuid;

use crate::{BusError, Delivery, Envelope, ParkedEvent, ParkedPage, Receipt, Subscription};

/// Durable queues, bound to kinds of events.
///
/// # Contract
/// A bus whose store is a system of its own cannot hold every word of this; its documentation says which.
///
/// - **Declared queues outlive the process.** An event that is published after `declare` returned is kept for
///   the queue whether or not anybody is subscribed.
/// - **At least once.** A published event is delivered to each bound queue until it is acknowledged or parked.
///   What was out and not settled when a subscription or the process ended comes again.
/// - **All or nothing per event.** An accepted event is durable in all of its queues; a refused one is in none.
/// - **In order, the first time.** One queue's events are first delivered in the order in which they were
///   published. Deliveries run concurrently up to the prefetch, and repeats come later.
/// - **Bounded.** A queue has a length limit, and a full queue refuses: nothing is dropped to make room.
/// - **Attempts are durable.** [`Delivery::attempt`] counts, across restarts, the deliveries that ended in a
///   retry, and those during which the process may have died; [`Delivery::failures`] the former alone.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// Makes the queues and bindings durable. Declaring again replaces the kinds of the queues that are named
    /// and leaves the others and all stored events alone.
    ///
    /// Declare every queue before the relay runs: an event that is published before is not for it. Declare a
    /// queue that nobody consumes any more with no kinds, else it fills up, and then it refuses.
    ///
    /// # Errors
    /// [`BusError::Unavailable`].
    async fn declare(&self, subscriptions: &[Subscription]) -> Result<(), BusError>;

    /// Publishes a batch. `Ok` holds one outcome per envelope, in order, and what it says is durable.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: it is unknown which events were accepted; publish them again.
    async fn publish(&self, batch: &[Envelope]) -> Result<Vec<Published>, BusError>;

    /// Takes deliveries from a declared queue, with at most `prefetch` of them out and not settled. Several
    /// subscriptions of one queue share its events.
    ///
    /// # Errors
    /// [`BusError::UnknownQueue`], [`BusError::Unavailable`].
    async fn subscribe(&self, queue: &str, prefetch: NonZeroUsize) -> Result<Box<dyn Deliveries>, BusError>;

    /// Settles deliveries as done; they never come again once this returned. Receipts of a subscription that
    /// ended are ignored: those events come again.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: the events may come again.
    async fn ack(&self, receipts: &[Receipt]) -> Result<(), BusError>;

    /// Gives a delivery back, to come again no sooner than `after`, with its attempt and its failures raised by one.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: the event may come again sooner.
    async fn retry(&self, receipt: &Receipt, after: Duration) -> Result<(), BusError>;

    /// Sets a delivery aside with a reason, out of the queue's way, until an operator decides. Parking the
    /// same event again replaces the earlier entry.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: the event may come again.
    async fn park(&self, receipt: &Receipt, reason: &str) -> Result<(), BusError>;

    /// Lists at most `limit` parked events of a queue in the order of their ids, beginning behind `after`.
    ///
    /// # Errors
    /// [`BusError::UnknownQueue`], [`BusError::Unavailable`].
    async fn parked(&self, queue: &str, after: Option<Uuid>, limit: usize) -> Result<ParkedPage, BusError>;

    /// One parked event, if it is there.
    ///
    /// # Errors
    /// [`BusError::UnknownQueue`], [`BusError::Unavailable`].
    async fn parked_event(&self, queue: &str, event_id: Uuid) -> Result<Option<ParkedEvent>, BusError>;

    /// Puts a parked event back at the end of its queue with its attempts forgotten. `false`: not parked.
    ///
    /// # Errors
    /// [`BusError::UnknownQueue`], [`BusError::Unavailable`].
    async fn replay(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError>;

    /// Deletes a parked event for good. `false`: not parked.
    ///
    /// # Errors
    /// [`BusError::UnknownQueue`], [`BusError::Unavailable`].
    async fn discard(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError>;

    /// How many events a queue holds, and where.
    ///
    /// # Errors
    /// [`BusError::UnknownQueue`], [`BusError::Unavailable`].
    async fn depth(&self, queue: &str) -> Result<Depth, BusError>;
}

/// The deliveries of one subscription. Dropping it gives back everything that is out and not settled.
#[async_trait]
pub trait Deliveries: Send {
    /// The next delivery; waits for one, and for room below the prefetch. `None`: the bus is closed. Giving up
    /// the wait loses nothing.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]: subscribe again.
    async fn next(&mut self) -> Option<Result<Delivery, BusError>>;
}

/// What became of one published envelope, and of its place in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// What became of it.
    pub outcome: Outcome,
    /// Whether the same transaction took it out of the outbox, so that there is nothing left to mark. Only a
    /// bus that lives in the outbox's own store can do that; it leaves no moment for a crash to publish twice.
    pub is_marked: bool,
}

/// What became of one published envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable in every queue that is bound to its kind.
    Accepted,
    /// No queue is bound to its kind: nobody asked, and it is done.
    Unrouted,
    /// A queue is full; the event is in none. Publish it again later.
    QueueFull,
}

/// How many events a queue holds, and where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Waiting to be delivered.
    pub ready: u64,
    /// Out, and not settled.
    pub leased: u64,
    /// Waiting for their next attempt.
    pub waiting: u64,
    /// Set aside.
    pub parked: u64,
}

// === impl Depth ===

impl Depth {
    /// Whether nothing is left to do by itself; parked events wait for an operator and do not count.
    pub fn is_quiet(&self) -> bool {
        self.ready == 0 && self.leased == 0 && self.waiting == 0
    }
}
