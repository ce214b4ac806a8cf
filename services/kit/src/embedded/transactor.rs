//! The engine as the event store's transactor.

use std::convert::Infallible;

use mesh_events::embedded::{TransactError, Transactor};
use redb::{ReadTransaction, WriteTransaction};

use super::{Engine, WriteError};

impl Transactor for Engine {
    async fn write<T, F>(&self, job: F) -> Result<T, TransactError>
    where
        F: FnOnce(&WriteTransaction) -> Result<T, redb::Error> + Send + 'static,
        T: Send + 'static,
    {
        let written = Self::write(self, move |txn| job(txn).map(Ok::<T, Infallible>)).await;
        written.map_err(|error| match error {
            WriteError::Storage(error) => TransactError::new(error),
            WriteError::Refused(never) => match never {},
        })
    }

    async fn read<T, F>(&self, job: F) -> Result<T, TransactError>
    where
        F: FnOnce(&ReadTransaction) -> Result<T, redb::Error> + Send + 'static,
        T: Send + 'static,
    {
        Self::read(self, job).await.map_err(TransactError::new)
    }
}
