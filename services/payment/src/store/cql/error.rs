//! What the cluster's failures are to a caller of the store: it cannot say.

use service_kit::cql::{CqlError, commit::CommitError};

use crate::store::{StoreError, records::RecordError};

pub(super) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(error.into())
}

impl From<CqlError> for StoreError {
    fn from(error: CqlError) -> Self {
        unavailable(error)
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::OutboxLag { .. } => Self::EventsBehind(error.into()),
            CommitError::Unknown(_) | CommitError::Unavailable(_) => unavailable(error),
        }
    }
}

impl From<RecordError> for StoreError {
    fn from(error: RecordError) -> Self {
        unavailable(error)
    }
}
