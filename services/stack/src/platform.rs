//! The platform in one process: one store, one bus, every service on its own port.

use std::{future::Future, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use mesh_events::{
    Bus, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rpc::{Server, ServerConfig};
use notification::NotificationService;
use service_kit::{
    clock::Clock,
    embedded::Engine,
    lifecycle::{Shutdown, Stages},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use user::UserService;

use crate::{banner, config::StackConfig};

/// The file of the store, below the data folder.
const STORE: &str = "stack.redb";
/// The folder of mails, below the data folder.
const MAILS: &str = "mails";

/// How long each part may take to finish what it has begun, once it is told to stop.
const DRAIN: Duration = Duration::from_secs(12);

/// Runs the platform until a signal or until the store fails; then everything begun is finished, in the order
/// in which work flows through it.
pub(crate) async fn run(config: StackConfig) -> anyhow::Result<()> {
    let shutdown = Shutdown::listen().context("cannot listen for signals")?;
    let path = config.data.join(STORE);
    let engine = Engine::open(&path, config.engine.clone()).context("cannot open the store")?;
    let running = Running::start(&engine, &config).await?;
    for (service, address) in &running.addresses {
        tracing::info!(service, %address, "listening");
    }
    banner::print(&running.addresses, &config);

    let stop = shutdown.token();
    let failure = tokio::select! {
        () = stop.cancelled() => None,
        failure = engine.failed() => Some(failure),
    };
    stop.cancel();
    let drained = running.drain(engine).await;
    match failure {
        Some(failure) if failure.is_disk_full() => Err(anyhow::Error::new(failure).context(format!(
            "the disk that holds {} is full; what was acknowledged is kept",
            path.display()
        ))),
        Some(failure) => {
            Err(anyhow::Error::new(failure).context("the store failed; what was acknowledged is kept"))
        }
        None if drained.is_clean() => Ok(()),
        None => anyhow::bail!("stopped, but not everything finished in time: {}", drained.cut.join(", ")),
    }
}

/// A part that runs until its token is cancelled.
struct Part {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Part {
    fn spawn<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(stop.clone()));
        Self { stop, task }
    }

    async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a part of the stack ended badly");
        }
    }
}

/// Everything that runs, in the order in which work flows through it.
struct Running {
    addresses: Vec<(&'static str, SocketAddr)>,
    servers: Vec<Part>,
    consumers: Vec<Part>,
    courier: Part,
    relay: Part,
    user: UserService,
    bus: EmbeddedBus<Engine>,
}

impl Running {
    async fn start(engine: &Engine, config: &StackConfig) -> anyhow::Result<Self> {
        // First of all: a port that is taken should be heard of before anything has begun.
        let user_listener = listen("user.listen", config.user.listen).await?;
        let notification_listener = listen("notification.listen", config.notification.listen).await?;

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

        let addresses = vec![
            ("user", user_listener.local_addr()?),
            ("notification", notification_listener.local_addr()?),
        ];
        let servers = vec![
            serve(user.server(ServerConfig::default())?, user_listener),
            serve(notification.server(ServerConfig::default())?, notification_listener),
        ];
        let consumers = [user.consumer(Arc::clone(&shared)), notification.consumer(shared)];
        let consumers =
            consumers.into_iter().map(|consumer| Part::spawn(|stop| consumer.run(stop))).collect();
        let courier = notification.into_courier();
        Ok(Self {
            addresses,
            servers,
            consumers,
            courier: Part::spawn(async move |stop| courier.run(stop).await),
            relay: Part::spawn(|stop| relay.run(stop)),
            user,
            bus,
        })
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
                        error = &error as &dyn std::error::Error,
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
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(error, "the store was not closed cleanly");
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

async fn listen(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; set {key} to another address, or stop what listens there")
    })
}

fn serve(server: Server, listener: TcpListener) -> Part {
    Part::spawn(async move |stop| {
        if let Err(error) = server.serve(listener, stop).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a server stopped by itself");
        }
    })
}
