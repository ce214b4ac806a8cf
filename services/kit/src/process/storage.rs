//! Where a service keeps what it knows: a file of its own, or a keyspace of a cluster.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::{
    config::Section,
    cql::{ConnectError, Cql, CqlConfig},
    embedded::{Engine, EngineConfig, OpenError},
};

/// How often a cluster that does not answer is asked again at start.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The two kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// A file on this machine, which one process has.
    Embedded,
    /// A CQL cluster (ScyllaDB, Apache Cassandra), which any number of instances share.
    Cql,
}

/// Which store, and what can be chosen of either.
#[derive(Clone, Debug)]
pub struct StorageConfig {
    /// Which one.
    pub kind: StorageKind,
    /// The bounds of the file's engine.
    pub engine: EngineConfig,
    /// Where the cluster is.
    pub cql: CqlConfig,
    /// How long the cluster may take to answer when the program starts.
    pub start_timeout: Duration,
}

/// An open store. Clones share it.
#[derive(Clone, Debug)]
pub enum Storage {
    /// A file.
    Embedded {
        /// Which.
        path: PathBuf,
        /// What has it open.
        engine: Engine,
    },
    /// A keyspace.
    Cql(Cql),
}

/// Why there is no store.
#[derive(Debug, Error)]
pub enum OpenStorageError {
    /// The file cannot be opened.
    #[error("cannot open the store")]
    File(#[from] OpenError),
    /// The cluster did not answer in time.
    #[error("the store could not be reached within {patience:?}")]
    Cluster {
        /// The time it had.
        patience: Duration,
        /// Why not, the last time it was tried.
        #[source]
        source: ConnectError,
    },
}

// === impl StorageConfig ===

impl StorageConfig {
    /// Reads the settings from a section; `kind` and `keyspace` are the defaults.
    pub fn read(section: &mut Section<'_>, kind: StorageKind, keyspace: &str) -> Self {
        let kind = section.choice(
            "kind",
            kind,
            &[("embedded", StorageKind::Embedded), ("cql", StorageKind::Cql)],
            "Where everything is kept: embedded in a file below the data folder, or in a cql cluster, whose settings follow",
        );
        let cache_bytes = section.size(
            "cache_size",
            16 << 20,
            1 << 20..=64 << 30,
            "Memory for pages of the embedded store",
        );
        let cache_bytes = usize::try_from(cache_bytes).unwrap_or(usize::MAX);
        let start_timeout = section.duration(
            "start_timeout",
            Duration::from_secs(60),
            Duration::from_secs(1)..=Duration::from_secs(3_600),
            "How long the cluster may take to answer when the program starts",
        );
        let engine = EngineConfig { cache_bytes, ..EngineConfig::default() };
        Self { kind, engine, cql: CqlConfig::read(section, keyspace), start_timeout }
    }
}

// === impl Storage ===

impl Storage {
    /// Opens the file at `path`, or connects to the cluster, whichever the settings name. A cluster that is not there
    /// yet is waited for.
    ///
    /// # Errors
    /// [`OpenStorageError`].
    pub async fn open(config: &StorageConfig, path: &Path) -> Result<Self, OpenStorageError> {
        match config.kind {
            StorageKind::Embedded => {
                let engine = Engine::open(path, config.engine.clone())?;
                Ok(Self::Embedded { path: path.to_owned(), engine })
            }
            StorageKind::Cql => Ok(Self::Cql(connect(&config.cql, config.start_timeout).await?)),
        }
    }

    /// The file and its engine, if it is one.
    #[must_use]
    pub fn file(&self) -> Option<(PathBuf, Engine)> {
        match self {
            Self::Embedded { path, engine } => Some((path.clone(), engine.clone())),
            Self::Cql(_) => None,
        }
    }

    /// Closes it, for the end of a drain.
    pub async fn close(self) {
        if let Self::Embedded { engine, .. } = self {
            close_engine("store", &engine).await;
        }
    }
}

/// Closes an engine and says how much it did.
pub async fn close_engine(what: &str, engine: &Engine) {
    let closed = engine.close().await;
    let stats = engine.stats();
    match closed {
        Ok(()) => tracing::info!(commits = stats.commits, jobs = stats.jobs, "{what} closed"),
        Err(error) => {
            tracing::error!(error = %mesh_telemetry::chain(&error), "the {what} was not closed cleanly");
        }
    }
}

async fn connect(config: &CqlConfig, patience: Duration) -> Result<Cql, OpenStorageError> {
    let start = Instant::now();
    loop {
        match Cql::connect(config).await {
            Ok(cql) => return Ok(cql),
            // A name that is none is none a second later.
            Err(source @ ConnectError::Name(_)) => {
                return Err(OpenStorageError::Cluster { patience, source });
            }
            Err(source) if start.elapsed() + ASK_AGAIN > patience => {
                return Err(OpenStorageError::Cluster { patience, source });
            }
            Err(error) => {
                let error = mesh_telemetry::chain(&error);
                tracing::warn!(%error, "the store cannot be reached yet; trying again");
                sleep(ASK_AGAIN).await;
            }
        }
    }
}
