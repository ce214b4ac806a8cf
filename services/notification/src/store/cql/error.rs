//! What can go wrong, in this store's words.

use service_kit::cql::{CqlError, MigrateError};
use thiserror::Error;

use crate::store::{StoreError, records::RecordError};

/// Why the store cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The schema cannot be brought up to date.
    #[error("the schema of the notifications cannot be brought up to date")]
    Migrate(#[from] MigrateError),
    /// A statement cannot be prepared.
    #[error("the statements of the notification store cannot be prepared")]
    Prepare(#[from] CqlError),
}

/// Why something was not done. To users of the store each is [`StoreError::Unavailable`].
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("a statement has no answer")]
    Cql(#[from] CqlError),
    #[error("a row cannot be read")]
    Record(#[from] RecordError),
    /// Too many others write the same row.
    #[error("the row changed under every one of {0} tries")]
    Contended(u32),
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(failure.into())
    }
}

impl From<CqlError> for StoreError {
    fn from(error: CqlError) -> Self {
        Failure::from(error).into()
    }
}
