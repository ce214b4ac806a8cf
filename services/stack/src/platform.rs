//! The platform in one process: from the first port to the last byte on disk.

use std::path::Path;

use anyhow::Context as _;
use service_kit::{
    embedded::{Engine, EngineFailure},
    lifecycle::Shutdown,
};

use crate::{banner, config::StackConfig, ports::Ports, running::Running};

/// The file of the store, below the data folder.
const STORE: &str = "stack.redb";
/// The file of the provider's own books. They are to be believed against ours, so they are never in one file.
const PROVIDER: &str = "provider.redb";
/// The number of the process, for whoever wants to stop it.
const PID: &str = "stack.pid";

/// The files that the platform keeps its data in.
pub(crate) struct Engines {
    /// Of the services.
    pub(crate) services: Engine,
    /// Of the provider in the stack, if it is there.
    pub(crate) provider: Option<Engine>,
}

/// Runs the platform until a signal, or until a part of it cannot go on; then everything begun is finished, in
/// the order in which work flows through it.
pub(crate) async fn run(config: StackConfig) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen().context("cannot listen for signals")?;
    let ports = Ports::open(&config).await?;
    let engines = Engines::open(&config)?;
    let pid = config.data.join(PID);
    std::fs::write(&pid, format!("{}\n", std::process::id()))
        .with_context(|| format!("cannot write {}", pid.display()))?;
    let running = match Running::start(&engines, ports, &config).await {
        Ok(running) => running,
        Err(error) => {
            // Closed rather than left: the next start need not check the whole file.
            engines.close().await;
            return Err(error);
        }
    };
    for (service, address) in &running.addresses {
        tracing::info!(service, %address, "listening");
    }
    banner::print(&running.addresses, &config);

    let stop = shutdown.token();
    let failure = tokio::select! {
        // A store that fails takes parts down with it, and is the one to be named.
        biased;
        () = stop.cancelled() => None,
        (file, failure) = engines.failed() => Some(store_failed(failure, &config.data.join(file))),
        () = running.broken.cancelled() => {
            Some(anyhow::anyhow!("a part of the stack ended by itself; the log says which"))
        }
    };
    stop.cancel();
    let drained = running.drain(engines.services).await;
    // By then the number may be somebody else's.
    if let Err(error) = std::fs::remove_file(&pid) {
        tracing::warn!(%error, "{} is left behind", pid.display());
    }
    match failure {
        Some(failure) => Err(failure),
        None if drained.is_clean() => Ok(()),
        None => anyhow::bail!("stopped, but not everything finished in time: {}", drained.cut.join(", ")),
    }
}

impl Engines {
    fn open(config: &StackConfig) -> anyhow::Result<Self> {
        let open = |file| Engine::open(&config.data.join(file), config.engine.clone());
        let services = open(STORE).context("cannot open the store")?;
        let provider = config.sandbox.is_some().then(|| open(PROVIDER));
        let provider = provider.transpose().context("cannot open the provider's books")?;
        Ok(Self { services, provider })
    }

    /// Resolves when one of them failed, with its file.
    async fn failed(&self) -> (&'static str, EngineFailure) {
        let provider = async {
            match &self.provider {
                Some(provider) => provider.failed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            failure = self.services.failed() => (STORE, failure),
            failure = provider => (PROVIDER, failure),
        }
    }

    async fn close(&self) {
        for engine in [Some(&self.services), self.provider.as_ref()].into_iter().flatten() {
            let _ = engine.close().await;
        }
    }
}

fn store_failed(failure: EngineFailure, path: &Path) -> anyhow::Error {
    let what = if failure.is_disk_full() {
        format!("the disk that holds {} is full", path.display())
    } else {
        format!("the store {} failed", path.display())
    };
    anyhow::Error::new(failure).context(format!("{what}; what was acknowledged is kept"))
}
