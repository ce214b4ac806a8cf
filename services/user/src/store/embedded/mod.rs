//! Users on the embedded engine: every command is one transaction, so a change, its event and the memory
//! of its request are there together or not at all.

mod profiles;
mod records;
mod requests;
mod sessions;
mod tables;
mod users;

use service_kit::{
    clock::Clock,
    embedded::{Engine, StorageError, WriteError},
};

use super::StoreError;

/// Users on the embedded engine.
#[derive(Clone, Debug)]
pub struct EmbeddedStore {
    engine: Engine,
    clock: Clock,
}

impl EmbeddedStore {
    /// Users on `engine`, in tables made now if they are new; `clock` decides when a remembered request or a
    /// session has expired.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the tables cannot be made.
    pub async fn open(engine: Engine, clock: Clock) -> Result<Self, StoreError> {
        engine.write(|txn| tables::create(txn).map(Ok)).await.map_err(written)?;
        Ok(Self { engine, clock })
    }
}

/// What a job inside a transaction answers: a storage failure outside, the store's own refusal inside.
type Job<T> = Result<Result<T, StoreError>, redb::Error>;

fn written(error: WriteError<StoreError>) -> StoreError {
    match error {
        WriteError::Refused(refusal) => refusal,
        WriteError::Storage(error) => StoreError::Unavailable(error.into()),
    }
}

fn unread(error: StorageError) -> StoreError {
    StoreError::Unavailable(error.into())
}
