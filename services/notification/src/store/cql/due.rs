//! Pointers to what is due, and what they are worth.

use std::time::Duration;

use service_kit::{clock::UnixMillis, cql::CqlError};

use super::{
    CqlStore,
    row::{Row, bytes, millis},
};
use crate::domain::{Notification, NotificationId};

/// Shards of the queue. As many partitions share its load, and two instances can keep out of each other's way.
pub(super) const SHARDS: i16 = 16;

/// How long a pointer may be there before its row. Whoever is slower than that finds its row fenced, and begins again.
const GRACE: Duration = Duration::from_secs(300);

/// A notification is due then, says the row's `version`th version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pointer {
    pub(super) due: UnixMillis,
    pub(super) id: NotificationId,
    pub(super) version: i64,
}

/// What a pointer is worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Worth {
    /// The notification is due as it says.
    True(Notification),
    /// The write that it precedes is still to come, if it ever comes.
    Early,
    /// It will never be true (again).
    Stale,
    /// What it points to cannot be read by this version of the program.
    Unreadable,
}

/// Where pointers to this notification are.
pub(super) fn shard(id: NotificationId) -> i16 {
    // The last byte is random in every version of id that is used here.
    i16::from(id.0.as_bytes()[15]) % SHARDS
}

impl Pointer {
    /// The pointer to a notification whose row gets to `version` by making it due then.
    pub(super) fn to(notification: &Notification, version: i64) -> Self {
        Self { due: notification.due, id: notification.id, version }
    }

    /// What it is worth beside `row`.
    pub(super) fn worth(&self, row: Option<&Row>) -> Worth {
        let Some(row) = row else { return Worth::Early };
        if row.version < self.version {
            return Worth::Early;
        }
        // The row went past the version that the pointer is about, so nothing can make it true any more.
        if row.due_version != self.version {
            return Worth::Stale;
        }
        match row.notification() {
            Ok(Some(notification)) if notification.is_pending() && notification.due == self.due => {
                Worth::True(notification)
            }
            Ok(_) => Worth::Stale,
            Err(error) => {
                let id = self.id;
                tracing::error!(notification.id = %id, error = %mesh_telemetry::chain(&error), "a notification cannot be read and is not sent");
                Worth::Unreadable
            }
        }
    }

    /// Whether it has been waiting for its row for so long that nobody is likely to write that any more.
    pub(super) fn is_orphaned(&self, now: UnixMillis) -> bool {
        self.due.after(GRACE) <= now
    }
}

impl CqlStore {
    pub(super) async fn point(&self, pointer: Pointer) -> Result<(), CqlError> {
        let Pointer { due, id, version } = pointer;
        let values = (shard(id), millis(due), bytes(id), version);
        self.cql.write(&self.statements.point_when_due, values).await
    }

    /// Removes a pointer that is stale. If that fails it is found stale again.
    pub(super) async fn unpoint(&self, pointer: Pointer) {
        let Pointer { due, id, version } = pointer;
        let values = (shard(id), millis(due), bytes(id), version);
        if let Err(error) = self.cql.write(&self.statements.unpoint_when_due, values).await {
            tracing::debug!(error = %mesh_telemetry::chain(&error), "a stale pointer stays for now");
        }
    }

    /// Clears away a pointer to a row that is still to come, so that it is not followed for ever. The row gets another
    /// version first: whoever wrote the pointer and is only slow is refused then, and begins again with a new one.
    pub(super) async fn clear_orphan(&self, pointer: Pointer) -> Result<(), CqlError> {
        let row = self.decided(pointer.id).await?;
        let version = super::row::version(row.as_ref());
        let is_early = version.unwrap_or_default() + 1 == pointer.version;
        // A row that is there goes on by itself, and the pointer becomes true or stale with it.
        if !is_early || row.is_some_and(|row| row.body.is_some()) {
            return Ok(());
        }
        let values = (pointer.version, pointer.id.0, version);
        if self.cql.cas(&self.statements.fence, values).await?.is_applied() {
            self.unpoint(pointer).await;
        }
        Ok(())
    }
}
