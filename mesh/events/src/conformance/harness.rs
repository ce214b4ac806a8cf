//! What a backend's tests provide, and what every case uses.

use std::{future::Future, num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use uuid::Uuid;

use crate::{Bus, Deliveries, Delivery, Envelope, EventKind, Outbox, Outcome, Subscription};

/// The length limit with which a harness opens its bus.
pub const QUEUE_EVENTS_MAX: u64 = 100;

pub(super) const CREATED: EventKind = EventKind::from_static("user.created");
pub(super) const DELETED: EventKind = EventKind::from_static("user.deleted");

/// How a bus ends in a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// As a process that was told to stop.
    Clean,
    /// As a process that was killed.
    Kill,
}

/// A bus of its own for every case.
#[async_trait]
pub trait BusHarness: Sized + Send + Sync {
    /// Opens an empty bus whose queues hold at most [`QUEUE_EVENTS_MAX`] events.
    async fn start() -> Self;

    /// The bus.
    fn bus(&self) -> Arc<dyn Bus>;

    /// Lets time pass for waiting events: by a clock of the test's, or by waiting.
    async fn pass(&self, time: Duration);

    /// Ends the bus and opens it again on what is durable. The caller has dropped the old bus and its
    /// subscriptions.
    async fn restart(self, stop: Stop) -> Self;
}

/// An outbox of its own for every case.
#[async_trait]
pub trait OutboxHarness: Sized + Send + Sync {
    /// Opens an empty outbox.
    async fn start() -> Self;

    /// The outbox.
    fn outbox(&self) -> Arc<dyn Outbox>;

    /// The outbox's time, in milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Commits an event to the outbox, as a state change does.
    async fn append(&self, envelope: &Envelope);
}

/// A bus that every case begins with.
pub(super) async fn start<H: BusHarness>(queues: &[Subscription]) -> H {
    let harness = H::start().await;
    harness.bus().declare(queues).await.expect("declare");
    harness
}

/// The queue of most cases.
pub(super) fn queue() -> Subscription {
    Subscription::new("test.created", [CREATED])
}

/// The n-th event; its fields differ from every other one's.
pub(super) fn event(n: u64) -> Envelope {
    Envelope {
        id: Uuid::from_u128(u128::from(n) + 1),
        kind: CREATED,
        subject: Uuid::from_u128(u128::from(n) << 64 | 1),
        version: n,
        occur_time_ms: 1_700_000_000_000 + n,
        body: Bytes::from(format!(r#"{{"n":{n}}}"#)),
        traceparent: n.is_multiple_of(2).then(|| format!("00-{n:032x}-{n:016x}-01")),
    }
}

/// The events with these numbers.
pub(super) fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<Envelope> {
    numbers.into_iter().map(event).collect()
}

/// Publishes and expects that everything is accepted.
pub(super) async fn publish<H: BusHarness>(harness: &H, batch: &[Envelope]) {
    let outcomes = outcomes(harness, batch).await;
    assert_eq!(outcomes, vec![Outcome::Accepted; batch.len()]);
}

/// Publishes and gives what became of each.
pub(super) async fn outcomes<H: BusHarness>(harness: &H, batch: &[Envelope]) -> Vec<Outcome> {
    let published = bounded(harness.bus().publish(batch)).await.expect("publish");
    published.iter().map(|published| published.outcome).collect()
}

/// A subscription.
pub(super) async fn subscribe<H: BusHarness>(
    harness: &H,
    queue: &Subscription,
    prefetch: usize,
) -> Box<dyn Deliveries> {
    let prefetch = NonZeroUsize::new(prefetch).expect("a prefetch above zero");
    harness.bus().subscribe(&queue.queue, prefetch).await.expect("subscribe")
}

/// The next delivery.
pub(super) async fn next(deliveries: &mut Box<dyn Deliveries>) -> Delivery {
    bounded(deliveries.next()).await.expect("the bus is open").expect("delivery")
}

/// The next deliveries.
pub(super) async fn take(deliveries: &mut Box<dyn Deliveries>, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::with_capacity(count);
    while taken.len() < count {
        taken.push(next(deliveries).await);
    }
    taken
}

/// The numbers of the events that were delivered.
pub(super) fn numbers(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|delivery| delivery.envelope.version).collect()
}

/// Acknowledges.
pub(super) async fn ack<H: BusHarness>(harness: &H, deliveries: &[Delivery]) {
    let receipts: Vec<_> = deliveries.iter().map(|delivery| delivery.receipt.clone()).collect();
    bounded(harness.bus().ack(&receipts)).await.expect("ack");
}

/// A case that hangs fails. The bound is generous: it is no statement about speed.
pub(super) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("the bus does not answer")
}
