//! The platform in one process: one store, one bus, every service on its own port.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use mesh_events::{
    Bus, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rpc::{Server, ServerConfig};
use notification::NotificationService;
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineFailure},
    lifecycle::{Shutdown, Stages},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use user::UserService;

use crate::{
    banner,
    config::StackConfig,
    part::{Part, PartName},
};

/// The file of the store, below the data folder.
const STORE: &str = "stack.redb";
/// The folder of mails, below the data folder.
const MAILS: &str = "mails";

/// How long each part may take to finish what it has begun, once it is told to stop.
const DRAIN: Duration = Duration::from_secs(12);

/// The number of the process, for whoever wants to stop it.
const PID: &str = "stack.pid";

/// Runs the platform until a signal, or until a part of it cannot go on; then everything begun is finished, in
/// the order in which work flows through it.
pub(crate) async fn run(config: StackConfig) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen().context("cannot listen for signals")?;
    // First of all: a port that is taken should be heard of before anything has begun.
    let ports = Ports::open(&config).await?;
    let path = config.data.join(STORE);
    let engine = Engine::open(&path, config.engine.clone()).context("cannot open the store")?;
    let pid = config.data.join(PID);
    std::fs::write(&pid, format!("{}\n", std::process::id()))
        .with_context(|| format!("cannot write {}", pid.display()))?;
    let running = match Running::start(&engine, ports, &config).await {
        Ok(running) => running,
        Err(error) => {
            // Closed rather than left: the next start need not check the whole file.
            let _ = engine.close().await;
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
        failure = engine.failed() => Some(store_failed(failure, &path)),
        () = running.broken.cancelled() => {
            Some(anyhow::anyhow!("a part of the stack ended by itself; the log says which"))
        }
    };
    stop.cancel();
    let drained = running.drain(engine).await;
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

fn store_failed(failure: EngineFailure, path: &Path) -> anyhow::Error {
    let what = if failure.is_disk_full() {
        format!("the disk that holds {} is full", path.display())
    } else {
        "the store failed".to_owned()
    };
    anyhow::Error::new(failure).context(format!("{what}; what was acknowledged is kept"))
}

/// Where the services will be served.
struct Ports {
    user: TcpListener,
    notification: TcpListener,
}

impl Ports {
    async fn open(config: &StackConfig) -> anyhow::Result<Self> {
        Ok(Self {
            user: listen("user.listen", config.user.listen).await?,
            notification: listen("notification.listen", config.notification.listen).await?,
        })
    }
}

async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; set {key} to another address, or stop what listens there")
    })
}

/// Everything that runs, in the order in which work flows through it.
struct Running {
    /// Cancelled when a part ends that was not told to.
    broken: CancellationToken,
    addresses: Vec<(&'static str, SocketAddr)>,
    servers: Vec<Part>,
    consumers: Vec<Part>,
    courier: Part,
    relay: Part,
    user: UserService,
    bus: EmbeddedBus<Engine>,
}

impl Running {
    async fn start(engine: &Engine, ports: Ports, config: &StackConfig) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await?;
        let subscriptions = [user::events::subscription(), notification::events::subscription()];
        bus.declare(&subscriptions).await?;
        let shared: Arc<dyn Bus> = Arc::new(bus.clone());
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, relay) = Relay::new(outbox, Arc::clone(&shared), RelayConfig::default());

        let users = user::store::embedded::EmbeddedStore::open(engine.clone(), clock.clone()).await?;
        let user = UserService::new(Arc::new(users), publisher, clock.clone(), &config.user);
        let notifications =
            notification::store::embedded::EmbeddedStore::open(engine.clone(), clock.clone()).await?;
        let queues = subscriptions.into_iter().map(|subscription| subscription.queue).collect();
        let notification = NotificationService::new(
            Arc::new(notifications),
            Arc::clone(&shared),
            queues,
            &config.data.join(MAILS),
            clock,
            &config.notification,
        )?;

        let addresses =
            vec![("user", ports.user.local_addr()?), ("notification", ports.notification.local_addr()?)];
        let broken = CancellationToken::new();
        let part = |name| PartName { name, broken: broken.clone() };
        let servers = vec![
            serve(part("user server"), user.server(ServerConfig::default())?, ports.user),
            serve(
                part("notification server"),
                notification.server(ServerConfig::default())?,
                ports.notification,
            ),
        ];
        let (profiles, welcomes) = (user.consumer(Arc::clone(&shared)), notification.consumer(shared));
        let consumers = vec![
            Part::spawn(part("profile consumer"), |stop| profiles.run(stop)),
            Part::spawn(part("welcome consumer"), |stop| welcomes.run(stop)),
        ];
        let courier = notification.into_courier();
        let courier = Part::spawn(part("courier"), async move |stop| courier.run(stop).await);
        let relay = Part::spawn(part("relay"), |stop| relay.run(stop));
        Ok(Self { broken, addresses, servers, consumers, courier, relay, user, bus })
    }

    async fn drain(self, engine: Engine) -> service_kit::lifecycle::Drained {
        let Self { servers, consumers, courier, relay, user, bus, .. } = self;
        Stages::new()
            .then("servers", DRAIN, end_all(servers))
            .then("user service", DRAIN, async move { user.close().await })
            .then("relay", DRAIN, relay.end())
            .then("consumers", DRAIN, end_all(consumers))
            .then("courier", DRAIN, courier.end())
            .then("bus", DRAIN, async move {
                if let Err(error) = bus.close().await {
                    tracing::warn!(
                        error = %mesh_telemetry::chain(&error),
                        "the bus was not closed cleanly"
                    );
                }
            })
            .then("store", DRAIN, async move {
                let closed = engine.close().await;
                let stats = engine.stats();
                match closed {
                    Ok(()) => tracing::info!(commits = stats.commits, jobs = stats.jobs, "store closed"),
                    Err(error) => {
                        let error = mesh_telemetry::chain(&error);
                        tracing::error!(%error, "the store was not closed cleanly");
                    }
                }
            })
            .run()
            .await
    }
}

async fn end_all(parts: Vec<Part>) {
    futures_util::future::join_all(parts.into_iter().map(Part::end)).await;
}

fn serve(name: PartName, server: Server, listener: TcpListener) -> Part {
    Part::spawn(name, async move |stop| {
        if let Err(error) = server.serve(listener, stop).await {
            tracing::error!(error = %mesh_telemetry::chain(&error), "a server stopped by itself");
        }
    })
}
