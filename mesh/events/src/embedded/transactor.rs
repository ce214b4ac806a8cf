//! What the embedded outbox and bus need of a store.

use redb::{ReadTransaction, WriteTransaction};

use crate::{BoxError, BusError, OutboxError};

/// Runs transactions on a redb file. The service's engine implements it; this crate knows no engine.
///
/// # Contract
/// Writes run one after the other, in the order in which they were begun, and `Ok` means that the transaction
/// is on disk. After an error no later write may succeed: what this crate keeps in memory would then differ
/// from the file. A read sees everything that was answered before it began.
pub trait Transactor: Clone + Send + Sync + 'static {
    /// Runs `job` in a transaction, which it may share with others, and answers when it is durable.
    fn write<T, F>(&self, job: F) -> impl Future<Output = Result<T, TransactError>> + Send
    where
        F: FnOnce(&WriteTransaction) -> Result<T, redb::Error> + Send + 'static,
        T: Send + 'static;

    /// Runs `job` on a snapshot, off the runtime's threads.
    fn read<T, F>(&self, job: F) -> impl Future<Output = Result<T, TransactError>> + Send
    where
        F: FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
        T: Send + 'static;
}

/// A transaction failed; a write's outcome is unknown.
#[derive(Debug, thiserror::Error)]
#[error("the store's transaction failed")]
pub struct TransactError(#[source] BoxError);

// === impl TransactError ===

impl TransactError {
    /// Wraps what the store reported.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }
}

impl From<TransactError> for BusError {
    fn from(error: TransactError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<TransactError> for OutboxError {
    fn from(error: TransactError) -> Self {
        Self(error.into())
    }
}
