//! Where notifications are kept: what the service relies on, in words that every backend must hold.
//!
//! - `Ok` of a write means durable.
//! - A notification is taken on once per id, however often it is enqueued.
//! - A claim is a lease: nobody else gets the notification until it is settled, or until its holder is gone.
//! - Reads see every write that was answered before they began.
//!
//! One conformance suite (`tests/it/conformance`) holds every backend to this.

pub mod cql;
pub mod embedded;
mod records;

use std::time::Duration;

use async_trait::async_trait;
use service_kit::{clock::UnixMillis, requests::Request};
use thiserror::Error;
use uuid::Uuid;

use crate::domain::{Notification, NotificationId, Verdict};

/// The longest that a notification may wait for its try after [`NotificationStore::enqueue`] has leased it.
pub const HOLD_MAX: Duration = Duration::from_secs(30);

/// Where a page of a user's list begins: after this one.
pub type ListKey = (UnixMillis, NotificationId);

/// What enqueueing came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enqueued {
    /// The notification: what the request was answered the first time, else the one under the id as it is now.
    pub notification: Notification,
    /// Whether it was there before.
    pub replayed: bool,
    /// Whether it is leased to whoever enqueued it, as if they had claimed it.
    pub held: bool,
}

impl Enqueued {
    /// One that is new, and to be claimed.
    #[must_use]
    pub fn new(notification: Notification) -> Self {
        Self { notification, replayed: false, held: false }
    }

    /// One that was there before.
    #[must_use]
    pub fn before(notification: Notification) -> Self {
        Self { notification, replayed: true, held: false }
    }
}

/// Keeps notifications.
#[async_trait]
pub trait NotificationStore: Send + Sync + 'static {
    /// Takes a notification on, unless there is one under its id or its request was answered before.
    ///
    /// With `hold`, a new one is leased in the same write, which saves the claim: its try has to begin within
    /// [`HOLD_MAX`], or it has to be released. The store may decline; then it is to be claimed like any other.
    ///
    /// # Errors
    /// [`StoreError::RequestReused`], [`StoreError::Unavailable`].
    async fn enqueue(
        &self,
        notification: Notification,
        request: Option<Request>,
        hold: bool,
    ) -> Result<Enqueued, StoreError>;

    /// The notification under this id.
    async fn notification(&self, id: NotificationId) -> Result<Option<Notification>, StoreError>;

    /// Up to `limit` notifications of a user, newest first, from the one after `after`.
    async fn list(
        &self,
        user: Uuid,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Notification>, StoreError>;

    /// Leases up to `limit` notifications that are due at `now`, those due longest first.
    async fn claim(&self, now: UnixMillis, limit: usize) -> Result<Vec<Notification>, StoreError>;

    /// Writes down what the tries of leased notifications came to and ends their leases. Answers the
    /// notifications as they are now, in the order given, leaving out those that do not exist.
    async fn settle(
        &self,
        tried: Vec<(NotificationId, Verdict)>,
        now: UnixMillis,
    ) -> Result<Vec<Notification>, StoreError>;

    /// Ends the leases of notifications whose try has not begun: everybody may claim them again. Of one that is not
    /// held nothing happens; if the store does not answer, the lease ends by itself.
    async fn release(&self, untried: Vec<NotificationId>);

    /// When the next notification that nobody holds is due.
    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError>;
}

/// Why a store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The request's id was used for other content.
    #[error("the request id was used for another request")]
    RequestReused,
    /// The store cannot say. A write may or may not have happened.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
