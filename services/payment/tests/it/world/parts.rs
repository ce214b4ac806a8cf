//! The services, each started as its own program would start it.

use std::{path::Path, sync::Arc, time::Duration};

use mesh_events::{
    Bus, Outbox, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rpc::{Channel, Server, ServerConfig, Target};
use payment::{
    PaymentConfig, PaymentService,
    app::Reconciliation,
    clients::Users,
    provider::GrpcProvider,
    store::{PaymentStore, cql::CqlStore, embedded::EmbeddedStore},
};
use provider_sandbox::{Sandbox, SandboxConfig};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use user::{UserConfig, UserService};

use super::Setup;

/// A port of its own.
pub(crate) async fn port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Something that runs until it is told to stop.
struct Part {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Part {
    fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        Self { task: tokio::spawn(run(stop.clone())), stop }
    }

    fn serve(server: Server, listener: TcpListener) -> Self {
        Self::spawn(|stop| async move {
            server.serve(listener, stop).await.unwrap();
        })
    }

    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn engine(folder: &Path, name: &str) -> Engine {
    Engine::open(&folder.join(name), EngineConfig::default()).unwrap()
}

fn channel(target: Target) -> Channel {
    Channel::builder(target).policies(&proto::POLICIES).build().unwrap()
}

/// The user service.
pub(super) struct UserPart {
    server: Part,
    service: UserService,
    engine: Engine,
}

impl UserPart {
    pub(super) async fn start(listener: TcpListener, folder: &Path) -> Self {
        let engine = engine(folder, "user.redb");
        let clock = Clock::system();
        let bus: Arc<dyn Bus> =
            Arc::new(EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap());
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, _relay) = Relay::new(outbox, bus, RelayConfig::default());
        let store = user::store::embedded::EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap();
        let listen = listener.local_addr().unwrap();
        let config = UserConfig { listen, profile_cache: CacheConfig::default() };
        let service = UserService::new(Arc::new(store), publisher, clock, &config);
        let server = Part::serve(service.server(ServerConfig::default()).unwrap(), listener);
        Self { server, service, engine }
    }

    pub(super) async fn stop(self) {
        self.server.end().await;
        self.service.close().await;
        self.engine.close().await.unwrap();
    }
}

/// The provider.
pub(super) struct SandboxPart {
    server: Part,
    work: Option<Part>,
    sandbox: Sandbox,
}

impl SandboxPart {
    pub(super) async fn start(
        listener: TcpListener,
        folder: &Path,
        webhook: Target,
        slow_by: Duration,
    ) -> Self {
        let listen = listener.local_addr().unwrap();
        let config = SandboxConfig { listen, webhook: Some(webhook), slow_by };
        let engine = engine(folder, "provider.redb");
        let sandbox = Sandbox::open(engine, Clock::system(), &config).await.unwrap();
        let working = sandbox.clone();
        let work = Some(Part::spawn(|stop| async move { working.run(stop).await }));
        // One that is stopped leaves nobody waiting for long: to its callers it is gone.
        let config = ServerConfig { drain_timeout: Duration::from_millis(100), ..ServerConfig::default() };
        let server = Part::serve(sandbox.server(config).unwrap(), listener);
        Self { server, work, sandbox }
    }

    /// From now on what is pending stays so.
    pub(super) async fn stop_settling(&mut self) {
        if let Some(work) = self.work.take() {
            work.end().await;
        }
    }

    pub(super) async fn stop(mut self) {
        self.stop_settling().await;
        self.server.end().await;
        self.sandbox.close().await.unwrap();
    }
}

/// The payment service.
pub(crate) struct PaymentPart {
    server: Part,
    driver: Option<Part>,
    service: PaymentService,
    pub(crate) engine: Engine,
    /// The store in the file; empty in a world on CQL.
    pub(crate) store: EmbeddedStore,
    pub(crate) outbox: Arc<dyn Outbox>,
}

/// What the service keeps its books in, if not in a file.
pub(super) type OnCql = Option<CqlStore>;

impl PaymentPart {
    pub(super) async fn start(
        listener: TcpListener,
        folder: &Path,
        clock: Clock,
        (users, provider): (Target, Target),
        (setup, cql): (Setup, OnCql),
    ) -> Self {
        let name = format!("payment.{}.redb", listener.local_addr().unwrap().port());
        let engine = engine(folder, &name);
        let bus: Arc<dyn Bus> =
            Arc::new(EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap());
        // The relay does not run, so the events stay where they can be looked at.
        let store = EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap();
        let (kept, outbox): (Arc<dyn PaymentStore>, Arc<dyn Outbox>) = match cql {
            None => (Arc::new(store.clone()), Arc::new(EmbeddedOutbox::new(engine.clone()))),
            Some(cql) => (Arc::new(cql.clone()), Arc::new(cql.outbox())),
        };
        let (publisher, _relay) = Relay::new(Arc::clone(&outbox), bus, RelayConfig::default());
        let config = PaymentConfig {
            listen: listener.local_addr().unwrap(),
            authorization_ttl: setup.authorization_ttl,
            provider_budget: setup.provider_budget,
            reconcile_every: setup.reconcile_every,
            provider: None,
        };
        let service = PaymentService::new(
            kept,
            Arc::new(GrpcProvider::new(channel(provider))),
            Users::new(channel(users)),
            publisher,
            clock,
            &config,
        );
        let driver = service.driver();
        let driver = setup.sweeps.then(|| Part::spawn(|stop| driver.run(stop)));
        let server = Part::serve(service.server(ServerConfig::default()).unwrap(), listener);
        Self { server, driver, service, engine, store, outbox }
    }

    pub(crate) fn reconciliation(&self) -> Reconciliation {
        self.service.reconciliation()
    }

    pub(crate) async fn stop(self) {
        self.server.end().await;
        self.service.close().await;
        if let Some(driver) = self.driver {
            driver.end().await;
        }
        self.engine.close().await.unwrap();
    }
}
