//! Everything that runs, wired together, and stopped in the order in which work flows through it.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use mesh_events::{Relay, RelayConfig};
use mesh_rpc::Channel;
use payment::{PaymentService, clients::Users, open::open, provider::GrpcProvider};
use proto::payment::v1::{payment_service_server, reconciliation_service_server};
use service_kit::{
    clock::Clock,
    lifecycle::Stages,
    process::{
        AdminAddress, Banner, Bus, Common, DRAIN, Failure, Part, PartName, Program, Readiness, Running,
        Storage, end_all, listen, live, migrate, serve,
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// The program.
pub(crate) const PROGRAM: Program =
    Program { name: "payment-service", prefix: "PAYMENT_SERVICE", admin: AdminAddress::Off };

/// What is told to be ready or not.
const SERVICES: &[&str] = &[
    payment_service_server::SERVICE_NAME,
    reconciliation_service_server::SERVICE_NAME,
    proto::provider::v1::webhook_service_server::SERVICE_NAME,
];

/// Runs the service until a signal, or until a part of it cannot go on.
pub(crate) async fn run(common: Common, settings: Settings) -> Result<(), Failure> {
    // First of all: a port that is taken should be heard of before anything has begun.
    let listener = listen("payment.listen", settings.payment.listen).await?;
    live(PROGRAM, &common, &settings.storage, async |storage, instance| {
        Parts::start(listener, storage, &instance, &common, &settings).await
    })
    .await
}

/// Brings the store to the newest schema.
pub(crate) async fn migrate_only(common: Common, settings: Settings) -> Result<(), Failure> {
    migrate(PROGRAM, &common, &settings.storage, async |storage, instance| {
        open(storage, &Clock::system(), settings.outbox.named(instance)).await
    })
    .await
}

/// Everything that runs.
struct Parts {
    broken: CancellationToken,
    serving: Duration,
    reconciliation: Part,
    server: Part,
    service: PaymentService,
    driver: Part,
    relay: Part,
    others: Vec<Part>,
    channels: Vec<Channel>,
    bus: Bus,
}

impl Parts {
    async fn start(
        listener: TcpListener,
        storage: Storage,
        instance: &str,
        common: &Common,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let broken = CancellationToken::new();
        let part = |name| PartName { name, broken: broken.clone() };
        let (clock, address) = (Clock::system(), listener.local_addr()?);
        let opened = open(&storage, &clock, settings.outbox.named(instance)).await?;
        let bus = Bus::rabbitmq(&settings.bus, PROGRAM.name).await?;
        let (publisher, relay) = Relay::new(opened.outbox, bus.shared(), RelayConfig::default());
        let channel = |target| Channel::builder(target).policies(&proto::POLICIES).build();
        let (to_user, to_provider) = (channel(settings.user.clone())?, channel(settings.provider())?);
        let provider = Arc::new(GrpcProvider::new(to_provider.clone()));
        let users = Users::new(to_user.clone());
        let service = PaymentService::new(opened.store, provider, users, publisher, clock, &settings.payment);

        let server = service.server(common.server.clone())?;
        let mut others = Vec::new();
        if let Storage::Cql(cql) = &storage {
            let readiness = Readiness::new(cql.clone()).await?.tell(server.health(), SERVICES);
            others.push(Part::spawn(part("readiness"), |stop| readiness.run(stop)));
        }
        let (driver, reconciliation) = (service.driver(), service.reconciliation());
        let driver = Part::spawn(part("payment driver"), |stop| driver.run(stop));
        let reconciliation =
            Part::spawn(part("reconciliation"), async move |stop| reconciliation.run_nightly(stop).await);
        let relay = Part::spawn(part("relay"), |stop| relay.run(stop));
        let server = serve(part("server"), server, listener);
        tracing::info!(%address, "listening");
        Banner::new().line("payment", address).line("data", common.data.display()).print();
        let serving = DRAIN + common.server.lame_duck;
        let channels = vec![to_user, to_provider];
        Ok(Self { broken, serving, reconciliation, server, service, driver, relay, others, channels, bus })
    }
}

impl Running for Parts {
    fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    fn drain(self) -> Stages {
        let Self { service, channels, bus, .. } = self;
        Stages::new()
            .then("reconciliation", DRAIN, self.reconciliation.end())
            .then("server", self.serving, self.server.end())
            .then("service", DRAIN, async move { service.close().await })
            .then("payment driver", DRAIN, self.driver.end())
            .then("relay", DRAIN, self.relay.end())
            .then("readiness", DRAIN, end_all(self.others))
            .then("channels", DRAIN, async move {
                join_all(channels.into_iter().map(Channel::close)).await;
            })
            .then("bus", DRAIN, bus.close())
    }
}
