//! Users on the embedded engine: every command is one transaction, so a change, its event and the memory
//! of its request are there together or not at all.

mod profiles;
mod requests;
mod sessions;
mod tables;
mod users;

use fail::fail_point;
use redb::WriteTransaction;
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

    /// Runs a command as one transaction; done when it is durable.
    async fn commit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&WriteTransaction) -> Job<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        // Decided, and nothing of it anywhere: whoever asked must ask again.
        fail_point!("user.before-commit");
        let committed = self.engine.write(job).await.map_err(written)?;
        // Durable with its event, and neither the caller nor the relay knows.
        fail_point!("user.after-commit");
        Ok(committed)
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
