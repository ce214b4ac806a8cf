//! Everything that runs, wired together, and stopped in the order in which work flows through it.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use mesh_events::{Outbox, Publisher, Relay, RelayConfig};
use mesh_rpc::{Channel, Health, Server, Target};
use notification::NotificationService;
use payment::{PaymentService, provider::GrpcProvider};
use proto::{
    notification::v1::notification_service_server,
    payment::v1::{payment_service_server, reconciliation_service_server},
    provider::v1::webhook_service_server,
    user::v1::{profile_service_server, session_service_server, user_service_server},
};
use service_kit::{
    clock::Clock,
    embedded::Engine,
    lifecycle::{Drained, Stages},
    process::{
        Bus, BusKind, Common, DRAIN, Part, PartName, Readiness, Storage, close_engine, end_all, serve,
        topology,
    },
};
use tokio_util::sync::CancellationToken;
use user::UserService;

use crate::{config::StackConfig, platform::PROGRAM, ports::Ports, provider::Provider, stores::Stores};

/// The folder of mails, below the data folder.
const MAILS: &str = "mails";

/// What each server tells to be ready or not.
const USER: &[&str] = &[
    user_service_server::SERVICE_NAME,
    profile_service_server::SERVICE_NAME,
    session_service_server::SERVICE_NAME,
];
const PAYMENT: &[&str] = &[
    payment_service_server::SERVICE_NAME,
    reconciliation_service_server::SERVICE_NAME,
    webhook_service_server::SERVICE_NAME,
];
const NOTIFICATION: &[&str] = &[notification_service_server::SERVICE_NAME];

/// Everything that runs.
pub(crate) struct Running {
    /// Cancelled when a part ends that was not told to.
    pub(crate) broken: CancellationToken,
    /// What is served where.
    pub(crate) addresses: Vec<(&'static str, SocketAddr)>,
    /// How long the end of a server may take.
    serving: Duration,
    user_server: Part,
    other_servers: Vec<Part>,
    user: UserService,
    payment: PaymentService,
    driver: Part,
    reconciliation: Part,
    provider: Option<Provider>,
    receipts: Part,
    relays: Vec<Part>,
    consumers: Vec<Part>,
    courier: Part,
    /// Through which services call each other and the provider.
    channels: Vec<Channel>,
    bus: Bus,
}

impl Running {
    /// Starts everything on the ports that are open already.
    pub(crate) async fn start(
        stores: &Stores,
        ports: Ports,
        instance: &str,
        common: &Common,
        config: &StackConfig,
    ) -> anyhow::Result<Self> {
        let broken = CancellationToken::new();
        let part = |name| PartName { name, broken: broken.clone() };
        let addresses = ports.addresses()?;
        let to_user = channel(Target::fixed([ports.user.local_addr()?]))?;
        let to_provider = channel(provider_target(config, &ports)?)?;

        let clock = Clock::system();
        let commits = config.outbox.named(instance);
        let kept_users = user::open::open(&stores.user, &clock, commits.clone()).await?;
        let kept_payments = payment::open::open(&stores.payment, &clock, commits).await?;
        let kept_notifications = notification::open::open(&stores.notification, &clock, instance).await?;
        let bus = open_bus(stores, config).await?;
        let outboxes = [kept_users.outbox, kept_payments.outbox];
        let ([of_users, of_payments], relays) = relay(&stores.user, outboxes, &bus);

        let user = UserService::new(kept_users.store, of_users, clock.clone(), &config.user);
        let payment = PaymentService::new(
            kept_payments.store,
            Arc::new(GrpcProvider::new(to_provider.clone())),
            payment::clients::Users::new(to_user.clone()),
            of_payments,
            clock.clone(),
            &config.payment,
        );
        let notification = NotificationService::new(
            kept_notifications,
            bus.shared(),
            topology().into_iter().map(|subscription| subscription.queue).collect(),
            notification::clients::Users::new(to_user.clone()),
            &common.data.join(MAILS),
            clock,
            &config.notification,
        )?;

        let provider = match (ports.sandbox, &stores.provider, &config.sandbox) {
            (Some(listener), Some(engine), Some(config)) => {
                let webhook = ports.payment.local_addr()?;
                Some(Provider::start(engine, listener, webhook, config, part).await?)
            }
            _ => None,
        };
        let server = || common.server.clone();
        let (user_server, payment_server, notification_server) =
            (user.server(server())?, payment.server(server())?, notification.server(server())?);
        let mut consumers =
            readiness(stores, [&user_server, &payment_server, &notification_server].map(Server::health))
                .await?
                .into_iter()
                .map(|readiness| Part::spawn(part("readiness"), |stop| readiness.run(stop)))
                .collect::<Vec<_>>();
        let user_server = serve(part("user server"), user_server, ports.user);
        let other_servers = vec![
            serve(part("payment server"), payment_server, ports.payment),
            serve(part("notification server"), notification_server, ports.notification),
        ];
        let (driver, reconciliation) = (payment.driver(), payment.reconciliation());
        let driver = Part::spawn(part("payment driver"), |stop| driver.run(stop));
        let reconciliation =
            Part::spawn(part("reconciliation"), async move |stop| reconciliation.run_nightly(stop).await);
        let invalidator = user.invalidator(bus.broadcast());
        consumers.push(Part::spawn(part("cache invalidator"), |stop| invalidator.run(stop)));
        let profiles = user.consumer(bus.shared());
        let welcomes = notification.consumer(bus.shared());
        let receipts = notification.receipts_consumer(bus.shared());
        consumers.push(Part::spawn(part("profile consumer"), |stop| profiles.run(stop)));
        consumers.push(Part::spawn(part("welcome consumer"), |stop| welcomes.run(stop)));
        let receipts = Part::spawn(part("receipts consumer"), |stop| receipts.run(stop));
        let courier = notification.into_courier();
        let courier = Part::spawn(part("courier"), async move |stop| courier.run(stop).await);
        let relays = relays.into_iter().map(|relay| Part::spawn(part("relay"), |stop| relay.run(stop)));
        let relays = relays.collect();
        let channels = vec![to_user, to_provider];
        Ok(Self {
            broken,
            addresses,
            serving: DRAIN + common.server.lame_duck,
            user_server,
            other_servers,
            user,
            payment,
            driver,
            reconciliation,
            provider,
            receipts,
            relays,
            consumers,
            courier,
            channels,
            bus,
        })
    }

    /// Stops everything; what has begun is finished and kept.
    pub(crate) async fn drain(self, file: Option<Engine>) -> Drained {
        let Self { user, payment, provider, channels, bus, .. } = self;
        Stages::new()
            .then("reconciliation", DRAIN, self.reconciliation.end())
            .then("payment and notification server", self.serving, end_all(self.other_servers))
            .then("receipts consumer", DRAIN, self.receipts.end())
            // After the payments and receipts under way, which ask it who somebody is.
            .then("user server", self.serving, self.user_server.end())
            .then("user service", DRAIN, async move { user.close().await })
            .then("payment service", DRAIN, async move { payment.close().await })
            .then("payment driver", DRAIN, self.driver.end())
            .then("provider", DRAIN, async move {
                if let Some(provider) = provider {
                    provider.end().await;
                }
            })
            .then("relay", DRAIN, end_all(self.relays))
            .then("consumers", DRAIN, end_all(self.consumers))
            .then("courier", DRAIN, self.courier.end())
            .then("channels", DRAIN, async move {
                futures_util::future::join_all(channels.into_iter().map(Channel::close)).await;
            })
            .then("bus", DRAIN, bus.close())
            .then("store", DRAIN, async move {
                if let Some(engine) = file {
                    close_engine("store", &engine).await;
                }
            })
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

/// The bus, with every queue in it.
async fn open_bus(stores: &Stores, config: &StackConfig) -> anyhow::Result<Bus> {
    match (config.bus.kind, &stores.file) {
        (BusKind::RabbitMq, _) => Ok(Bus::rabbitmq(&config.bus, PROGRAM.name).await?),
        (BusKind::Embedded, Some(engine)) => Ok(Bus::embedded(engine).await?),
        (BusKind::Embedded, None) => anyhow::bail!("there is no file for the bus"),
    }
}

/// Who publishes the events of users and of payments. In one file they lie in one outbox, and that has one relay.
fn relay(
    storage: &Storage,
    [of_users, of_payments]: [Arc<dyn Outbox>; 2],
    bus: &Bus,
) -> ([Publisher; 2], Vec<Relay>) {
    let relay = |outbox| Relay::new(outbox, bus.shared(), RelayConfig::default());
    let (users, first) = relay(of_users);
    match storage {
        Storage::Embedded { .. } => ([users.clone(), users], vec![first]),
        Storage::Cql(_) => {
            let (payments, second) = relay(of_payments);
            ([users, payments], vec![first, second])
        }
    }
}

/// Who follows the stores that are on a cluster, and tells it through these servers' health.
async fn readiness(
    stores: &Stores,
    [user, payment, notification]: [Health; 3],
) -> anyhow::Result<Vec<Readiness>> {
    let followed = [
        (&stores.user, user, USER),
        (&stores.payment, payment, PAYMENT),
        (&stores.notification, notification, NOTIFICATION),
    ];
    let mut following = Vec::new();
    for (storage, health, services) in followed {
        if let Storage::Cql(cql) = storage {
            following.push(Readiness::new(cql.clone()).await?.tell(health, services));
        }
    }
    Ok(following)
}
