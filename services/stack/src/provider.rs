//! The provider that moves no money, beside the services but apart from them: its own file, its own port. The
//! payment service cannot tell it from one across the street.

use std::net::SocketAddr;

use anyhow::Context as _;
use mesh_rpc::{ServerConfig, Target};
use provider_sandbox::{Sandbox, SandboxConfig};
use service_kit::{
    clock::Clock,
    embedded::Engine,
    process::{Part, PartName, serve},
};
use tokio::net::TcpListener;

/// The running provider.
pub(crate) struct Provider {
    engine: Engine,
    sandbox: Sandbox,
    server: Part,
    work: Part,
}

impl Provider {
    /// Serves the provider whose books `engine` holds, and lets it tell the payment service at `webhook`.
    pub(crate) async fn start(
        engine: &Engine,
        listener: TcpListener,
        webhook: SocketAddr,
        config: &SandboxConfig,
        part: impl Fn(&'static str) -> PartName,
    ) -> anyhow::Result<Self> {
        let config = SandboxConfig { webhook: Some(Target::fixed([webhook])), ..config.clone() };
        let sandbox = Sandbox::open(engine.clone(), Clock::system(), &config).await;
        let sandbox = sandbox.context("cannot start the provider")?;
        let server = serve(part("provider server"), sandbox.server(ServerConfig::default())?, listener);
        let working = sandbox.clone();
        let work = Part::spawn(part("provider"), async move |stop| working.run(stop).await);
        Ok(Self { engine: engine.clone(), sandbox, server, work })
    }

    /// Finishes what was begun, and closes the books.
    pub(crate) async fn end(self) {
        self.server.end().await;
        self.work.end().await;
        let closed = self.sandbox.close().await;
        let stats = self.engine.stats();
        match closed {
            Ok(()) => tracing::info!(commits = stats.commits, jobs = stats.jobs, "provider's books closed"),
            Err(error) => {
                let error = mesh_telemetry::chain(&error);
                tracing::error!(%error, "the provider's books were not closed cleanly");
            }
        }
    }
}
