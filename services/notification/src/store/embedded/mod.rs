//! Notifications on the embedded engine.
//!
//! A claim is a lease in memory: one process has the file, so when the holder is gone the process is, and
//! what it held is due again at the next start without anything being written or waited for.

mod commands;
mod leases;
mod queries;
mod seeded;
mod tables;

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::{
    clock::{Clock, UnixMillis},
    embedded::{Engine, StorageError, WriteError},
    requests::Request,
};
use uuid::Uuid;

use super::{Enqueued, ListKey, NotificationStore, StoreError, records};
use crate::domain::{Notification, NotificationId, Verdict};
use leases::Leases;

/// Notifications on the embedded engine.
#[derive(Clone, Debug)]
pub struct EmbeddedStore {
    engine: Engine,
    clock: Clock,
    leases: Arc<Leases>,
}

impl EmbeddedStore {
    /// Notifications on `engine`, in tables made now if they are new.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the tables cannot be made.
    pub async fn open(engine: Engine, clock: Clock) -> Result<Self, StoreError> {
        engine.write(|txn| tables::create(txn).map(Ok)).await.map_err(written)?;
        Ok(Self { engine, clock, leases: Arc::default() })
    }
}

#[async_trait]
impl NotificationStore for EmbeddedStore {
    async fn enqueue(
        &self,
        notification: Notification,
        request: Option<Request>,
        hold: bool,
    ) -> Result<Enqueued, StoreError> {
        if request.is_none() && seeded::is_seen_before_effect() {
            if seeded::see(&self.engine, notification.id).await.map_err(written)? {
                return Ok(Enqueued::before(notification));
            }
            fail::fail_point!("notification.between-seen-and-effect");
        }
        let reserved = if hold { self.leases.reserve(notification.id) } else { None };
        let now = self.clock.now();
        let row = records::encode(&notification);
        let job = move |txn: &redb::WriteTransaction| {
            commands::enqueue(txn, notification, &row, request.as_ref(), now)
        };
        let mut enqueued = self.engine.write(job).await.map_err(written)?;
        if let Some(reserved) = reserved.filter(|_| !enqueued.replayed) {
            reserved.keep();
            enqueued.held = true;
        }
        Ok(enqueued)
    }

    async fn notification(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        self.engine.read(move |txn| queries::find(txn, id)).await.map_err(unread)
    }

    async fn list(
        &self,
        user: Uuid,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Notification>, StoreError> {
        self.engine.read(move |txn| queries::list(txn, user, after, limit)).await.map_err(unread)
    }

    async fn claim(&self, now: UnixMillis, limit: usize) -> Result<Vec<Notification>, StoreError> {
        let _turn = self.leases.turn.lock().await;
        let held = self.leases.all();
        let due = self.engine.read(move |txn| queries::due(txn, now, limit, &held)).await.map_err(unread)?;
        Ok(self.leases.hold(due).map(|notification| notification.sending(now)).collect())
    }

    async fn settle(
        &self,
        tried: Vec<(NotificationId, Verdict)>,
        now: UnixMillis,
    ) -> Result<Vec<Notification>, StoreError> {
        let ids: Vec<_> = tried.iter().map(|(id, _)| *id).collect();
        let settled = self.engine.write(move |txn| commands::settle(txn, tried, now).map(Ok)).await;
        let _turn = self.leases.turn.lock().await;
        self.leases.end(&ids);
        settled.map_err(written)
    }

    async fn release(&self, untried: Vec<NotificationId>) {
        self.leases.end(&untried);
    }

    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
        let _turn = self.leases.turn.lock().await;
        let held = self.leases.all();
        self.engine.read(move |txn| queries::next_due(txn, &held)).await.map_err(unread)
    }
}

/// A record as the engine's transactions tell of one that cannot be read.
fn decode(row: &[u8]) -> Result<Notification, redb::Error> {
    records::decode(row).map_err(|error| redb::Error::Corrupted(mesh_telemetry::chain(&error).to_string()))
}

fn written(error: WriteError<StoreError>) -> StoreError {
    match error {
        WriteError::Refused(refusal) => refusal,
        WriteError::Storage(error) => StoreError::Unavailable(error.into()),
    }
}

fn unread(error: StorageError) -> StoreError {
    StoreError::Unavailable(error.into())
}
