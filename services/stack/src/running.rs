//! Everything that runs, wired together, and stopped in the order in which work flows through it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use mesh_events::{
    Bus, Publisher, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rpc::{Channel, ServerConfig, Target};
use notification::NotificationService;
use payment::{PaymentService, provider::GrpcProvider};
use service_kit::{
    clock::Clock,
    embedded::Engine,
    lifecycle::{Drained, Stages},
};
use tokio_util::sync::CancellationToken;
use user::UserService;

use crate::{
    config::StackConfig,
    part::{Part, PartName, end_all, serve},
    platform::Engines,
    ports::Ports,
    provider::Provider,
};

/// The folder of mails, below the data folder.
const MAILS: &str = "mails";

/// How long each part may take to finish what it has begun, once it is told to stop.
const DRAIN: Duration = Duration::from_secs(12);

/// Everything that runs.
pub(crate) struct Running {
    /// Cancelled when a part ends that was not told to.
    pub(crate) broken: CancellationToken,
    /// What is served where.
    pub(crate) addresses: Vec<(&'static str, SocketAddr)>,
    user_server: Part,
    other_servers: Vec<Part>,
    user: UserService,
    payment: PaymentService,
    driver: Part,
    reconciliation: Part,
    provider: Option<Provider>,
    receipts: Part,
    relay: Part,
    consumers: Vec<Part>,
    courier: Part,
    /// Through which services call each other and the provider.
    channels: Vec<Channel>,
    bus: EmbeddedBus<Engine>,
}

impl Running {
    /// Starts everything on the ports that are open already.
    pub(crate) async fn start(engines: &Engines, ports: Ports, config: &StackConfig) -> anyhow::Result<Self> {
        let broken = CancellationToken::new();
        let part = |name| PartName { name, broken: broken.clone() };
        let engine = &engines.services;
        let addresses = ports.addresses()?;
        let to_user = channel(Target::fixed([ports.user.local_addr()?]))?;
        let to_provider = channel(provider_target(config, &ports)?)?;

        let mut subscriptions = vec![user::events::subscription()];
        subscriptions.extend(notification::events::subscriptions());
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await?;
        bus.declare(&subscriptions).await?;
        let shared: Arc<dyn Bus> = Arc::new(bus.clone());
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, relay) = Relay::new(outbox, Arc::clone(&shared), RelayConfig::default());

        let user = user_service(engine, publisher.clone(), config).await?;
        let payment =
            payment_service(engine, to_provider.clone(), to_user.clone(), publisher, config).await?;
        let queues = subscriptions.into_iter().map(|subscription| subscription.queue).collect();
        let notification =
            notification_service(engine, Arc::clone(&shared), queues, to_user.clone(), config).await?;

        let provider = match (ports.sandbox, &engines.provider, &config.sandbox) {
            (Some(listener), Some(engine), Some(config)) => {
                let webhook = ports.payment.local_addr()?;
                Some(Provider::start(engine, listener, webhook, config, part).await?)
            }
            _ => None,
        };
        let server = ServerConfig::default;
        let user_server = serve(part("user server"), user.server(server())?, ports.user);
        let other_servers = vec![
            serve(part("payment server"), payment.server(server())?, ports.payment),
            serve(part("notification server"), notification.server(server())?, ports.notification),
        ];
        let (driver, reconciliation) = (payment.driver(), payment.reconciliation());
        let driver = Part::spawn(part("payment driver"), |stop| driver.run(stop));
        let reconciliation =
            Part::spawn(part("reconciliation"), async move |stop| reconciliation.run_nightly(stop).await);
        let profiles = user.consumer(Arc::clone(&shared));
        let welcomes = notification.consumer(Arc::clone(&shared));
        let receipts = notification.receipts_consumer(shared);
        let consumers = vec![
            Part::spawn(part("profile consumer"), |stop| profiles.run(stop)),
            Part::spawn(part("welcome consumer"), |stop| welcomes.run(stop)),
        ];
        let receipts = Part::spawn(part("receipts consumer"), |stop| receipts.run(stop));
        let courier = notification.into_courier();
        let courier = Part::spawn(part("courier"), async move |stop| courier.run(stop).await);
        let relay = Part::spawn(part("relay"), |stop| relay.run(stop));
        let channels = vec![to_user, to_provider];
        Ok(Self {
            broken,
            addresses,
            user_server,
            other_servers,
            user,
            payment,
            driver,
            reconciliation,
            provider,
            receipts,
            relay,
            consumers,
            courier,
            channels,
            bus,
        })
    }

    /// Stops everything; what has begun is finished and kept.
    pub(crate) async fn drain(self, engine: Engine) -> Drained {
        let Self { user, payment, provider, channels, bus, .. } = self;
        Stages::new()
            .then("reconciliation", DRAIN, self.reconciliation.end())
            .then("payment and notification server", DRAIN, end_all(self.other_servers))
            .then("receipts consumer", DRAIN, self.receipts.end())
            // After the payments and receipts under way, which ask it who somebody is.
            .then("user server", DRAIN, self.user_server.end())
            .then("user service", DRAIN, async move { user.close().await })
            .then("payment service", DRAIN, async move { payment.close().await })
            .then("payment driver", DRAIN, self.driver.end())
            .then("provider", DRAIN, async move {
                if let Some(provider) = provider {
                    provider.end().await;
                }
            })
            .then("relay", DRAIN, self.relay.end())
            .then("consumers", DRAIN, end_all(self.consumers))
            .then("courier", DRAIN, self.courier.end())
            .then("channels", DRAIN, async move {
                futures_util::future::join_all(channels.into_iter().map(Channel::close)).await;
            })
            .then("bus", DRAIN, close_bus(bus))
            .then("store", DRAIN, close_store(engine))
            .run()
            .await
    }
}

fn channel(target: Target) -> anyhow::Result<Channel> {
    let name = target.to_string();
    let channel = Channel::builder(target).policies(&proto::POLICIES).build();
    channel.with_context(|| format!("cannot set up the channel to {name}"))
}

/// Who moves the money: whom the settings name, or the provider in the stack.
fn provider_target(config: &StackConfig, ports: &Ports) -> anyhow::Result<Target> {
    match (&config.payment.provider, &ports.sandbox) {
        (Some(target), _) => Ok(target.clone()),
        (None, Some(sandbox)) => Ok(Target::fixed([sandbox.local_addr()?])),
        (None, None) => anyhow::bail!("there is no payment provider"),
    }
}

async fn user_service(
    engine: &Engine,
    publisher: Publisher,
    config: &StackConfig,
) -> anyhow::Result<UserService> {
    let clock = Clock::system();
    let store = user::store::embedded::EmbeddedStore::open(engine.clone(), clock.clone()).await?;
    Ok(UserService::new(Arc::new(store), publisher, clock, &config.user))
}

async fn payment_service(
    engine: &Engine,
    to_provider: Channel,
    to_user: Channel,
    publisher: Publisher,
    config: &StackConfig,
) -> anyhow::Result<PaymentService> {
    let clock = Clock::system();
    let store = payment::store::embedded::EmbeddedStore::open(engine.clone(), clock.clone()).await?;
    let provider = Arc::new(GrpcProvider::new(to_provider));
    let users = payment::clients::Users::new(to_user);
    Ok(PaymentService::new(Arc::new(store), provider, users, publisher, clock, &config.payment))
}

async fn notification_service(
    engine: &Engine,
    bus: Arc<dyn Bus>,
    queues: Vec<String>,
    to_user: Channel,
    config: &StackConfig,
) -> anyhow::Result<NotificationService> {
    let clock = Clock::system();
    let store = notification::store::embedded::EmbeddedStore::open(engine.clone(), clock.clone()).await?;
    let users = notification::clients::Users::new(to_user);
    let mails = config.data.join(MAILS);
    let store = Arc::new(store);
    Ok(NotificationService::new(store, bus, queues, users, &mails, clock, &config.notification)?)
}

async fn close_bus(bus: EmbeddedBus<Engine>) {
    if let Err(error) = bus.close().await {
        tracing::warn!(error = %mesh_telemetry::chain(&error), "the bus was not closed cleanly");
    }
}

async fn close_store(engine: Engine) {
    let closed = engine.close().await;
    let stats = engine.stats();
    match closed {
        Ok(()) => tracing::info!(commits = stats.commits, jobs = stats.jobs, "store closed"),
        Err(error) => {
            tracing::error!(error = %mesh_telemetry::chain(&error), "the store was not closed cleanly");
        }
    }
}
