//! Notifications on a CQL cluster, shared by any number of instances.
//!
//! One row per notification is the truth, and only conditional writes touch it; lists and the queue of what is due
//! are pointers, written before it. `migrations/0001_notifications.cql` says why that is enough.
//!
//! - **Take on**: write the pointers, write the row on condition that it is still at the version that is known, which
//!   is none at first. The id is the natural key: of two who take on the same one, one finds the other's row. Whoever
//!   will send it at once writes its own lease with the row, which saves a claim.
//! - **Claim**: follow the pointers, those due longest first, and take a lease by a conditional write. A lease of the
//!   same instance's former incarnation is void at once, another's once it has expired.
//! - **Settle**: if there is another try, its pointer first; then a conditional write that asks for the lease.
//! - **Answer lost**: read the row at `SERIAL` and see who made its version.

mod claim;
mod desk;
mod due;
mod enqueue;
mod error;
mod lease;
mod list;
mod migrations;
mod release;
mod request;
mod row;
mod scan;
mod settle;
mod statements;

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::{
    clock::{Clock, UnixMillis},
    cql::Cql,
    requests::Request,
};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::{Enqueued, ListKey, NotificationStore, StoreError};
use crate::domain::{Notification, NotificationId, Verdict};
use desk::Desk;
pub use error::OpenError;
use lease::Holder;
pub use migrations::MIGRATIONS;
use statements::Statements;

/// Rows that are read or written at once by one call.
const AT_ONCE: usize = 16;

/// Notifications on a CQL cluster. Clones share what they hold.
#[derive(Clone, Debug)]
pub struct CqlStore {
    cql: Cql,
    statements: Arc<Statements>,
    clock: Clock,
    /// In whose name notifications are held.
    holder: Holder,
    /// What is held, and where claims begin.
    desk: Arc<Desk>,
    /// One claim at a time: two would only run after the same pointers.
    turn: Arc<Mutex<()>>,
}

impl CqlStore {
    /// Notifications in the keyspace of `cql`, brought to the newest schema first.
    ///
    /// `instance` names who claims. It must be another for each instance that runs at the same time; one that comes
    /// back under the same name has its former leases back at once, everybody else waits until they have expired.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(cql: Cql, clock: Clock, instance: &str) -> Result<Self, OpenError> {
        cql.migrate(MIGRATIONS).await?;
        let statements = Arc::new(Statements::prepare(&cql).await?);
        let holder = Holder::new(instance);
        Ok(Self { cql, statements, clock, holder, desk: Arc::default(), turn: Arc::default() })
    }
}

#[async_trait]
impl NotificationStore for CqlStore {
    async fn enqueue(
        &self,
        notification: Notification,
        request: Option<Request>,
        hold: bool,
    ) -> Result<Enqueued, StoreError> {
        match request {
            None => Ok(self.take_on(notification, Uuid::new_v4(), hold).await?),
            Some(request) => self.take_on_once(notification, &request, hold).await,
        }
    }

    async fn notification(&self, id: NotificationId) -> Result<Option<Notification>, StoreError> {
        Ok(Self::found(self.row(id).await?.as_ref())?)
    }

    async fn list(
        &self,
        user: Uuid,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Notification>, StoreError> {
        Ok(self.listed(user, after, limit).await?)
    }

    async fn claim(&self, now: UnixMillis, limit: usize) -> Result<Vec<Notification>, StoreError> {
        let _turn = self.turn.lock().await;
        Ok(self.claimed(now, limit).await?)
    }

    async fn settle(
        &self,
        tried: Vec<(NotificationId, Verdict)>,
        now: UnixMillis,
    ) -> Result<Vec<Notification>, StoreError> {
        Ok(self.settled(tried, now).await?)
    }

    async fn release(&self, untried: Vec<NotificationId>) {
        self.released(untried).await;
    }

    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
        Ok(self.next().await?)
    }
}
