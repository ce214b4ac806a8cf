//! The outbox: events that are durable and not yet on the bus.

use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::{BoxError, Envelope};

/// Where an event stands in the outbox: oldest first, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutboxKey {
    /// When the event happened, in milliseconds since the Unix epoch.
    pub occur_time_ms: u64,
    /// The event's id.
    pub id: Uuid,
}

/// The outbox could not be read or written; the events in it are safe.
#[derive(Debug, thiserror::Error)]
#[error("the outbox is unavailable")]
pub struct OutboxError(#[source] pub BoxError);

/// Events that were committed together with their state change and wait to be published.
///
/// # Contract
/// An event is in the outbox from the moment its state change is visible until it was marked. How it gets
/// there is the store's own matter, because it has to happen inside the store's transaction.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// At most `limit` unmarked events in key order, beginning behind `after`, that happened at least
    /// `older_than` ago. A page with fewer than `limit` events is the last one.
    ///
    /// # Errors
    /// [`OutboxError`] when the store cannot be read.
    async fn pending(
        &self,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<Envelope>, OutboxError>;

    /// Marks events as published; they are not pending any more. Marking twice, or marking what is not there,
    /// does nothing.
    ///
    /// # Errors
    /// [`OutboxError`] when it is unknown whether the mark is durable; the events may be published again.
    async fn mark_published(&self, keys: &[OutboxKey]) -> Result<(), OutboxError>;
}
