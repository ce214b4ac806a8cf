//! The store that the settings name, with the outbox that lies in it.

use std::sync::Arc;

use mesh_events::{Outbox, embedded::EmbeddedOutbox};
use service_kit::{clock::Clock, cql::commit::CommitConfig, process::Storage};
use thiserror::Error;

use crate::store::{
    Store, StoreError,
    cql::{CqlStore, OpenError as CqlOpenError},
    embedded::EmbeddedStore,
};

/// What the service keeps, and what it has not told yet.
#[expect(missing_debug_implementations, reason = "neither an outbox nor a store can be shown")]
pub struct Opened {
    /// Users, profiles, sessions.
    pub store: Arc<dyn Store>,
    /// Events that wait to be published.
    pub outbox: Arc<dyn Outbox>,
}

/// Why the store cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be used.
    #[error("cannot open the store of users")]
    Embedded(#[from] StoreError),
    /// The keyspace cannot be used.
    #[error("cannot open the store of users")]
    Cql(#[from] CqlOpenError),
}

/// Opens the store of users in what the settings name; its tables are there and of the newest form afterwards.
/// `commits` names this process among those that share a cluster.
///
/// # Errors
/// [`OpenError`].
pub async fn open(storage: &Storage, clock: &Clock, commits: CommitConfig) -> Result<Opened, OpenError> {
    match storage {
        Storage::Embedded { engine, .. } => {
            let store = Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await?);
            Ok(Opened { store, outbox: Arc::new(EmbeddedOutbox::new(engine.clone())) })
        }
        Storage::Cql(cql) => {
            let store = CqlStore::open(cql.clone(), clock.clone(), commits).await?;
            let outbox = Arc::new(store.outbox());
            Ok(Opened { store: Arc::new(store), outbox })
        }
    }
}
