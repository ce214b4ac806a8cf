//! The row of a notification.

use service_kit::{
    clock::UnixMillis,
    cql::{CqlError, Statement},
};
use uuid::Uuid;

use super::{CqlStore, error::Failure};
use crate::{
    domain::{Notification, NotificationId, State},
    store::records::{self, RecordError},
};

/// A row as the program reads it.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) version: i64,
    /// The call that took the notification on.
    pub(super) attempt: Option<Uuid>,
    /// The version that set when it is due.
    pub(super) due_version: i64,
    /// Empty: nobody.
    pub(super) holder: String,
    pub(super) lease_until: UnixMillis,
    /// `None`: there is no notification, only a version.
    pub(super) body: Option<Vec<u8>>,
}

type Columns = (i64, Option<Uuid>, Option<i64>, Option<String>, Option<i64>, Option<Vec<u8>>);

impl Row {
    /// The notification, if there is one.
    pub(super) fn notification(&self) -> Result<Option<Notification>, RecordError> {
        self.body.as_deref().map(records::decode).transpose()
    }
}

/// The version of a row that may be missing, as conditions ask for it.
pub(super) fn version(row: Option<&Row>) -> Option<i64> {
    row.map(|row| row.version)
}

impl CqlStore {
    /// The row under this id, as of the last write that was answered.
    pub(super) async fn row(&self, id: NotificationId) -> Result<Option<Row>, CqlError> {
        self.read_row(&self.statements.row, id).await
    }

    /// The row under this id, after whatever of it was under way has been decided.
    pub(super) async fn decided(&self, id: NotificationId) -> Result<Option<Row>, CqlError> {
        self.read_row(&self.statements.row_decided, id).await
    }

    async fn read_row(&self, statement: &Statement, id: NotificationId) -> Result<Option<Row>, CqlError> {
        let rows = self.cql.rows(statement, (id.0,)).await?;
        let row = rows.maybe_first_row::<Columns>().map_err(CqlError::unexpected)?;
        Ok(row.map(|(version, attempt, due_version, holder, lease_until, body)| Row {
            version,
            attempt,
            due_version: due_version.unwrap_or_default(),
            holder: holder.unwrap_or_default(),
            lease_until: at(lease_until.unwrap_or_default()),
            body,
        }))
    }

    /// The notification that a row was found to hold.
    pub(super) fn found(row: Option<&Row>) -> Result<Option<Notification>, Failure> {
        Ok(row.map(Row::notification).transpose()?.flatten())
    }
}

/// A time as a column holds it.
pub(super) fn millis(at: UnixMillis) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// The time that a column holds.
pub(super) fn at(millis: i64) -> UnixMillis {
    UnixMillis(u64::try_from(millis).unwrap_or_default())
}

/// An id as the bytes that pointers are sorted by.
pub(super) fn bytes(id: NotificationId) -> Vec<u8> {
    id.0.as_bytes().to_vec()
}

/// The id of these bytes.
pub(super) fn id(bytes: &[u8]) -> Result<NotificationId, CqlError> {
    Uuid::from_slice(bytes).map(NotificationId).map_err(CqlError::unexpected)
}

/// A state in the word that people read.
pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Queued => "queued",
        State::Sending => "sending",
        State::Sent => "sent",
        State::Retrying => "retrying",
        State::Failed => "failed",
    }
}
