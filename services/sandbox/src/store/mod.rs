//! The sandbox's books on disk. Each answer that it gives is one transaction, and durable before it is given.

mod deliveries;
mod orders;
mod records;
mod settlements;
mod tables;

use service_kit::{
    clock::UnixMillis,
    embedded::{Engine, StorageError, WriteError},
};
use thiserror::Error;

pub(crate) use deliveries::{Delivery, Tried};
pub(crate) use orders::Taken;

use crate::domain::{Impossible, Key, Order, Transaction};

/// The sandbox's books.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    engine: Engine,
}

/// Why the store did not do it.
#[derive(Debug, Error)]
pub(crate) enum StoreError {
    /// Something else was asked for under this key before.
    #[error("the key names another operation")]
    KeyReused(Key),
    /// The books do not allow it.
    #[error("the books do not allow it")]
    Impossible(#[source] Impossible),
    /// The store cannot say.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a job inside a transaction answers: a storage failure outside, the store's own refusal inside.
type Job<T> = Result<Result<T, StoreError>, redb::Error>;

impl Store {
    /// The books on `engine`, in tables made now if they are new.
    pub(crate) async fn open(engine: Engine) -> Result<Self, StoreError> {
        engine.write(|txn| tables::create(txn).map(Ok)).await.map_err(written)?;
        Ok(Self { engine })
    }

    /// Carries the order out, or finds what was done under its key.
    pub(crate) async fn take(&self, order: Order, now: UnixMillis) -> Result<Taken, StoreError> {
        self.engine.write(move |txn| orders::take(txn, order, now)).await.map_err(written)
    }

    /// What was done under a key.
    pub(crate) async fn find(&self, key: Key) -> Result<Option<Transaction>, StoreError> {
        self.engine.read(move |txn| orders::find(txn, &key)).await.map_err(unread)
    }

    /// Up to `limit` transactions, the one after the place `after` first.
    pub(crate) async fn list(&self, after: u64, limit: usize) -> Result<Vec<Transaction>, StoreError> {
        self.engine.read(move |txn| orders::list(txn, after, limit)).await.map_err(unread)
    }

    /// The places of up to `limit` pending transactions, the oldest first.
    pub(crate) async fn pending(&self, limit: usize) -> Result<Vec<u64>, StoreError> {
        self.engine.read(move |txn| settlements::pending(txn, limit)).await.map_err(unread)
    }

    /// Settles pending transactions, and notes that somebody is to be told of each, so many times.
    pub(crate) async fn settle(&self, pending: Vec<u64>, tellings: u32) -> Result<(), StoreError> {
        let settle = move |txn: &redb::WriteTransaction| settlements::settle(txn, &pending, tellings).map(Ok);
        self.engine.write(settle).await.map_err(written)
    }

    /// Up to `limit` deliveries that are still to be made, the oldest first.
    pub(crate) async fn deliveries(&self, limit: usize) -> Result<Vec<Delivery>, StoreError> {
        self.engine.read(move |txn| deliveries::due(txn, limit)).await.map_err(unread)
    }

    /// Notes how deliveries went.
    pub(crate) async fn delivered(&self, tried: Vec<Tried>) -> Result<(), StoreError> {
        self.engine.write(move |txn| deliveries::note(txn, &tried).map(Ok)).await.map_err(written)
    }
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
