//! The store that the settings name.

use std::sync::Arc;

use service_kit::{clock::Clock, process::Storage};
use thiserror::Error;

use crate::store::{
    NotificationStore, StoreError,
    cql::{CqlStore, OpenError as CqlOpenError},
    embedded::EmbeddedStore,
};

/// Why the store cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be used.
    #[error("cannot open the store of notifications")]
    Embedded(#[from] StoreError),
    /// The keyspace cannot be used.
    #[error("cannot open the store of notifications")]
    Cql(#[from] CqlOpenError),
}

/// Opens the store of notifications in what the settings name; its tables are there and of the newest form
/// afterwards. `instance` names this process among those that share a cluster.
///
/// # Errors
/// [`OpenError`].
pub async fn open(
    storage: &Storage,
    clock: &Clock,
    instance: &str,
) -> Result<Arc<dyn NotificationStore>, OpenError> {
    match storage {
        Storage::Embedded { engine, .. } => {
            Ok(Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await?))
        }
        Storage::Cql(cql) => Ok(Arc::new(CqlStore::open(cql.clone(), clock.clone(), instance).await?)),
    }
}
