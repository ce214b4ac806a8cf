//! A server's program: serves until it is told to restart, closes its channel, and comes back.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use echo::chain::chain_service_server::ChainServiceServer;
use mesh_rpc::{Server, ServerConfig};
use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    caller::Caller,
    host::{Process, Replica, SERVICES},
    ledger::{Ledger, What},
    network::Port,
    plan::{Mode, Plan},
    policies::POLICIES,
    service::Chain,
};

/// How often one looks how many endpoints are ejected.
pub(crate) const LOOK: Duration = Duration::from_millis(20);
/// Between two programs of a server.
const DOWN: Duration = Duration::from_millis(30);

/// What a server is told from outside. It outlives its programs.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) restart: Arc<Notify>,
    pub(crate) stop: CancellationToken,
    pub(crate) mode: Arc<Mutex<Mode>>,
}

/// A server.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) replica: Replica,
    pub(crate) plan: Arc<Plan>,
    pub(crate) told: Told,
    pub(crate) ledger: Ledger,
}

fn config(plan: &Plan) -> ServerConfig {
    ServerConfig {
        keepalive_interval: Duration::from_millis(200),
        keepalive_timeout: Duration::from_millis(200),
        handshake_timeout: Duration::from_millis(500),
        // Callers ask every 200 ms, also while they have no calls.
        min_ping_interval: Duration::from_millis(100),
        lame_duck: plan.lame_duck,
        drain_timeout: Duration::from_millis(2_500),
        ..ServerConfig::default()
    }
}

impl Machine {
    pub(crate) async fn run(self) -> turmoil::Result {
        loop {
            let process = self.ledger.started(self.replica);
            let calls = process.calls();
            let next =
                (calls < SERVICES.len()).then(|| Caller::new(process, &self.plan, self.ledger.clone()));
            let cut = self.serve(process, next.clone()).await?;
            if let Some(caller) = next
                && !caller.close().await
            {
                self.ledger.note(What::Hangs(process));
            }
            // Tasks that are over are counted until they have been.
            sleep(Duration::from_millis(1)).await;
            let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
            self.ledger.note(What::Over { process, cut, tasks });
            if self.told.stop.is_cancelled() {
                return Ok(());
            }
            sleep(DOWN).await;
        }
    }

    /// One life. How many calls it cut.
    async fn serve(&self, process: Process, next: Option<Caller>) -> turmoil::Result<u64> {
        let chain = Chain {
            process,
            seed: self.plan.seed,
            mode: Arc::clone(&self.told.mode),
            next: next.clone(),
            ledger: self.ledger.clone(),
        };
        let server = Server::builder()
            .service(ChainServiceServer::new(chain))
            .policies(&POLICIES)
            .config(config(&self.plan))
            .build()?;
        let shutdown = CancellationToken::new();
        let serving = server.serve(Port::bind().await?, shutdown.clone());
        tokio::pin!(serving);
        let mut last = 0;
        loop {
            tokio::select! {
                biased;
                drained = &mut serving => return Ok(drained?.cut),
                () = self.told.stop.cancelled(), if !shutdown.is_cancelled() => shutdown.cancel(),
                () = self.told.restart.notified() => shutdown.cancel(),
                () = sleep(LOOK), if next.is_some() => {
                    look(next.as_ref(), process, &mut last, &self.ledger);
                }
            }
        }
    }
}

/// Notes how many endpoints are ejected, if it has changed.
pub(crate) fn look(caller: Option<&Caller>, by: Process, last: &mut usize, ledger: &Ledger) {
    let count = caller.map_or(0, Caller::ejected);
    if std::mem::replace(last, count) != count {
        ledger.note(What::Ejected { by, count });
    }
}
