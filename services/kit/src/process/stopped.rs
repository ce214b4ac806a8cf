//! How a program that was running came to its end.

use std::path::PathBuf;

use futures_util::future::{pending, select_all};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::{
    embedded::{Engine, EngineFailure},
    lifecycle::Drained,
};

/// Why a program stopped that nobody had told to, or how badly it stopped.
#[derive(Debug, Error)]
pub enum Stopped {
    /// The disk below a store has no more room.
    #[error("the disk that holds {} is full; what was acknowledged is kept", path.display())]
    DiskFull {
        /// The file of the store.
        path: PathBuf,
        /// What happened.
        #[source]
        source: EngineFailure,
    },
    /// A store can promise nothing any more.
    #[error("the store {} failed; what was acknowledged is kept", path.display())]
    Store {
        /// The file of the store.
        path: PathBuf,
        /// What happened.
        #[source]
        source: EngineFailure,
    },
    /// A part ended unasked.
    #[error("a part of the program ended by itself; the log says which")]
    Part,
    /// Some of what was begun was cut off.
    #[error("stopped, but not everything finished in time: {}", .0.join(", "))]
    Unfinished(Vec<&'static str>),
}

/// Waits until somebody asks for the end, or until a store or a part cannot go on.
///
/// # Errors
/// [`Stopped`] when nobody asked.
pub async fn until_stopped(
    stop: &CancellationToken,
    stores: &[(PathBuf, Engine)],
    broken: &CancellationToken,
) -> Result<(), Stopped> {
    let failed = async {
        if stores.is_empty() {
            return pending().await;
        }
        let failures =
            stores.iter().map(|(path, engine)| Box::pin(async move { (path, engine.failed().await) }));
        select_all(failures).await.0
    };
    tokio::select! {
        // A store that fails takes parts down with it, and is the one to be named.
        biased;
        () = stop.cancelled() => Ok(()),
        (path, source) = failed => Err(Stopped::store(path.clone(), source)),
        () = broken.cancelled() => Err(Stopped::Part),
    }
}

/// What the program has to say in the end.
///
/// # Errors
/// The reason of its stop, or else that the drain cut something off.
pub fn conclude(ended: Result<(), Stopped>, drained: Drained) -> Result<(), Stopped> {
    ended?;
    if drained.is_clean() { Ok(()) } else { Err(Stopped::Unfinished(drained.cut)) }
}

// === impl Stopped ===

impl Stopped {
    fn store(path: PathBuf, source: EngineFailure) -> Self {
        if source.is_disk_full() { Self::DiskFull { path, source } } else { Self::Store { path, source } }
    }
}
