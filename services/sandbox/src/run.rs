//! From the first port to the last byte on disk.

use std::time::Duration;

use anyhow::Context as _;
use mesh_rpc::ServerConfig;
use provider_sandbox::Sandbox;
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineConfig},
    lifecycle::{Shutdown, Stages},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{banner, cli::Cli};

/// The file of the books, below the data folder.
const STORE: &str = "provider.redb";

/// How long each part may take to finish what it has begun, once it is told to stop.
const DRAIN: Duration = Duration::from_secs(12);

/// Runs the sandbox until a signal, or until it cannot go on; then what is begun is finished.
pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen().context("cannot listen for signals")?;
    let config = cli.config();
    // First of all: a port that is taken should be heard of before anything has begun.
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another --listen", config.listen))?;
    let address = listener.local_addr()?;
    let engine = Engine::open(&cli.data.join(STORE), EngineConfig::default())
        .context("cannot open the provider's books")?;
    let sandbox = Sandbox::open(engine.clone(), Clock::system(), &config).await?;
    let server = sandbox.server(ServerConfig::default())?;

    let stop = shutdown.token();
    let (stop_server, stop_work) = (CancellationToken::new(), CancellationToken::new());
    let mut serving = tokio::spawn(server.serve(listener, stop_server.clone()));
    let (working, token) = (sandbox.clone(), stop_work.clone());
    let mut work = tokio::spawn(async move { working.run(token).await });
    banner::print(address, &cli.data);

    let failure = tokio::select! {
        // A store that fails takes the others down with it, and is the one to be named.
        biased;
        () = stop.cancelled() => None,
        failure = engine.failed() => {
            Some(anyhow::Error::new(failure).context("the store failed; what was answered is kept"))
        }
        _ = &mut serving => Some(anyhow::anyhow!("the server ended by itself")),
        _ = &mut work => Some(anyhow::anyhow!("the settling of transactions ended by itself")),
    };
    let drained = Stages::new()
        .then("server", DRAIN, end(stop_server, serving))
        .then("settling and webhooks", DRAIN, end(stop_work, work))
        .then("store", DRAIN, close(sandbox))
        .run()
        .await;
    match failure {
        Some(failure) => Err(failure),
        None if drained.is_clean() => Ok(()),
        None => anyhow::bail!("stopped, but not everything finished in time: {}", drained.cut.join(", ")),
    }
}

async fn end<T>(stop: CancellationToken, part: JoinHandle<T>) {
    stop.cancel();
    // One that has ended already, or badly, has been heard of.
    if !part.is_finished() {
        let _ = part.await;
    }
}

async fn close(sandbox: Sandbox) {
    match sandbox.close().await {
        Ok(()) => tracing::info!("store closed"),
        Err(error) => {
            let error = mesh_telemetry::chain(&error);
            tracing::error!(%error, "the store was not closed cleanly");
        }
    }
}
