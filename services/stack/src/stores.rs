//! What the stack stands on: files and keyspaces.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use service_kit::{
    cql::CqlConfig,
    embedded::Engine,
    process::{BusKind, Storage, StorageConfig, StorageKind},
};

use crate::config::StackConfig;

/// The file of the services and of their bus, below the data folder.
const STORE: &str = "stack.redb";
/// The file of the provider's own books. They are to be believed against ours, so they are never in one file.
const PROVIDER: &str = "provider.redb";

/// What the stack stands on.
pub(crate) struct Stores {
    pub(crate) user: Storage,
    pub(crate) payment: Storage,
    pub(crate) notification: Storage,
    /// The file of the services or of their bus, unless both are on servers.
    pub(crate) file: Option<Engine>,
    /// The file of the provider in the stack, if it is there.
    pub(crate) provider: Option<Engine>,
    data: PathBuf,
}

impl Stores {
    /// Opens the files, and connects to the cluster if there is one.
    pub(crate) async fn open(data: &Path, config: &StackConfig) -> anyhow::Result<Self> {
        let is_embedded = |wanted: bool, file| {
            let open = || Engine::open(&data.join(file), config.storage.engine.clone());
            wanted.then(open).transpose()
        };
        let wants_file = config.storage.kind == StorageKind::Embedded || config.bus.kind == BusKind::Embedded;
        let file = is_embedded(wants_file, STORE).context("cannot open the store")?;
        let provider = is_embedded(config.sandbox.is_some(), PROVIDER);
        let provider = provider.context("cannot open the provider's books")?;
        let storage = async |service: &str| match (&file, config.storage.kind) {
            (Some(engine), StorageKind::Embedded) => {
                Ok(Storage::Embedded { path: data.join(STORE), engine: engine.clone() })
            }
            _ => Storage::open(&keyspace_of(&config.storage, service), Path::new("")).await,
        };
        let [user, payment, notification] =
            [storage("user").await?, storage("payment").await?, storage("notification").await?];
        Ok(Self { user, payment, notification, file, provider, data: data.to_owned() })
    }

    /// The files that are open.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Engine)> {
        let files = [(STORE, &self.file), (PROVIDER, &self.provider)];
        let open = files.into_iter().filter_map(|(name, engine)| Some((name, engine.clone()?)));
        open.map(|(name, engine)| (self.data.join(name), engine)).collect()
    }

    /// Closes the files.
    pub(crate) async fn close(&self) {
        for (_, engine) in self.files() {
            let _ = engine.close().await;
        }
    }
}

/// Each service has a keyspace of its own, as it has when it runs alone.
fn keyspace_of(storage: &StorageConfig, service: &str) -> StorageConfig {
    let keyspace = format!("{}_{service}", storage.cql.keyspace);
    StorageConfig { cql: CqlConfig { keyspace, ..storage.cql.clone() }, ..storage.clone() }
}
