//! The life of a service that is a program of its own, on a store of its own.

use std::{path::PathBuf, time::Duration};

use thiserror::Error;
use tokio_util::sync::CancellationToken;

use super::{
    Common, Failure, PidFile, Program, Storage, StorageConfig, Telling, conclude, instance::instance,
    until_stopped,
};
use crate::lifecycle::{Shutdown, Stages};

/// How long each part may take to finish what it has begun, once it is told to stop. A server's part takes the time
/// of its lame duck on top.
pub const DRAIN: Duration = Duration::from_secs(12);

/// The signals of the operating system cannot be heard.
#[derive(Debug, Error)]
#[error("cannot listen for signals")]
pub struct NoSignals(#[from] std::io::Error);

/// What runs, once it was started.
pub trait Running: Sized {
    /// Cancelled when a part ends that was not told to.
    fn broken(&self) -> CancellationToken;

    /// How everything is stopped, in the order in which work flows through it; what has begun is finished and kept.
    /// The store is closed afterwards.
    fn drain(self) -> Stages;
}

/// Runs a service until a signal, or until it cannot go on; then everything begun is finished.
///
/// `start` gets the open store, and the name of this instance. A signal meanwhile ends the start.
///
/// # Errors
/// When the store cannot be opened, `start` fails, or the service did not stop cleanly by itself.
pub async fn live<R: Running>(
    program: Program,
    common: &Common,
    config: &StorageConfig,
    start: impl AsyncFnOnce(Storage, String) -> Result<R, Failure>,
) -> Result<(), Failure> {
    let shutdown = Shutdown::listen().map_err(NoSignals)?;
    let stop = shutdown.token();
    let _pid = PidFile::write(&common.data, program.name)?;
    let instance = instance(&common.data, program.name)?;
    let telling = Telling::start(&common.telemetry, program.name, &instance).await?;
    let file = file(program, common);
    let storage = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        opened = Storage::open(config, &file) => opened?,
    };
    let started = tokio::select! {
        () = stop.cancelled() => Ok(None),
        started = start(storage.clone(), instance) => started.map(Some),
    };
    let running = match started {
        Ok(Some(running)) => running,
        // Closed rather than left: the next start need not check the whole file.
        ended => {
            storage.close().await;
            return ended.map(drop);
        }
    };
    let stores: Vec<_> = storage.file().into_iter().collect();
    let ended = until_stopped(&stop, &stores, &running.broken()).await;
    stop.cancel();
    let drained = running.drain().then("store", DRAIN, storage.close());
    // Last: what the others do in their end is told too.
    let drained = drained.then("telemetry", DRAIN, telling.end()).run().await;
    Ok(conclude(ended, drained)?)
}

/// Opens the store by `open`, which brings it to the newest schema, and closes it again.
///
/// # Errors
/// When it cannot be opened.
pub async fn migrate<T, E: Into<Failure>>(
    program: Program,
    common: &Common,
    config: &StorageConfig,
    open: impl AsyncFnOnce(&Storage, &str) -> Result<T, E>,
) -> Result<(), Failure> {
    let storage = Storage::open(config, &file(program, common)).await?;
    // It does nothing in its name.
    let opened = open(&storage, "migration").await.map(drop);
    storage.close().await;
    opened.map_err(Into::into)
}

/// The file of an embedded store.
fn file(program: Program, common: &Common) -> PathBuf {
    common.data.join(format!("{}.redb", program.name))
}
