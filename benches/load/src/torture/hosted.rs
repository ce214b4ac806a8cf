//! The sandbox provider inside this process, on a runtime of its own: it survives the stack, and can be dropped in the
//! middle of whatever it does.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use mesh_rpc::{ServerConfig, Target};
use provider_sandbox::{Sandbox, SandboxConfig};
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// The file of the provider's books.
const STORE: &str = "provider.redb";
/// How long it may take to stop, or to fall.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running provider; dropping it cuts it off.
#[derive(Debug)]
pub(super) struct Hosted {
    /// `None` once it was killed.
    runtime: Option<Runtime>,
    engine: Engine,
    work: JoinHandle<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Hosted {
    /// Serves the provider whose books are in `data` at `address`; what it settles later it tells `webhook`.
    ///
    /// # Errors
    /// When its books cannot be opened or nobody can listen there.
    pub(super) async fn start(address: SocketAddr, data: &Path, webhook: SocketAddr) -> anyhow::Result<Self> {
        let path = data.join(STORE);
        let opening = tokio::task::spawn_blocking(move || Engine::open(&path, EngineConfig::default()));
        let engine = opening.await?.context("cannot open the provider's books")?;
        let listener = TcpListener::bind(address).await.context("the provider cannot listen")?.into_std()?;
        let stop = CancellationToken::new();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let config = SandboxConfig { webhook: Some(Target::fixed([webhook])), ..SandboxConfig::default() };
        let work = runtime.spawn(serve(engine.clone(), listener, config, stop.clone()));
        Ok(Self { runtime: Some(runtime), engine, work, stop })
    }

    /// Cuts off everything that it does, and waits until its port and its books are free again. What its writer has
    /// already been given it still writes: the true kill -9 is that of a process.
    ///
    /// # Errors
    /// When its books failed.
    pub(super) async fn kill(mut self) -> anyhow::Result<()> {
        if let Some(runtime) = self.runtime.take() {
            tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await?;
        }
        self.engine.close().await.context("the provider's books failed")
    }

    /// Waits until it ends by itself; answers what it said.
    pub(super) async fn ended(&mut self) -> String {
        match (&mut self.work).await {
            Ok(Ok(())) => "the provider ended".to_owned(),
            Ok(Err(error)) => format!("{error:#}"),
            Err(error) => error.to_string(),
        }
    }

    /// Stops it as on a good day.
    ///
    /// # Errors
    /// When it does not stop, or not cleanly.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        if self.work.is_finished() {
            bail!("the provider has ended before");
        }
        self.stop.cancel();
        timeout(PATIENCE, &mut self.work).await.context("the provider does not stop")???;
        self.kill().await
    }
}

async fn serve(
    engine: Engine,
    listener: std::net::TcpListener,
    config: SandboxConfig,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let sandbox = Sandbox::open(engine, Clock::system(), &config).await?;
    let server = sandbox.server(ServerConfig::default())?;
    let (served, ()) = tokio::join!(server.serve(listener, stop.clone()), sandbox.run(stop));
    served?;
    Ok(())
}

impl Drop for Hosted {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // To wait for it would block whoever drops it.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::ports, *};

    #[tokio::test]
    async fn it_comes_back_on_its_port_and_its_books_and_stops_cleanly() {
        let folder = tempfile::tempdir().unwrap();
        let ([address, webhook], _reserved) = ports::free().unwrap();
        Hosted::start(address, folder.path(), webhook).await.unwrap().kill().await.unwrap();
        Hosted::start(address, folder.path(), webhook).await.unwrap().stop().await.unwrap();
        let taken = TcpListener::bind(address).await.unwrap();
        let refused = Hosted::start(address, folder.path(), webhook).await.unwrap_err();
        assert_eq!(refused.to_string(), "the provider cannot listen");
        drop(taken);
    }
}
