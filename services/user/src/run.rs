//! Everything that runs, wired together, and stopped in the order in which work flows through it.

use std::time::Duration;

use mesh_events::{Relay, RelayConfig};
use proto::user::v1::{profile_service_server, session_service_server, user_service_server};
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
use user::{UserService, open::open};

use crate::settings::Settings;

/// The program.
pub(crate) const PROGRAM: Program =
    Program { name: "user-service", prefix: "USER_SERVICE", admin: AdminAddress::Off };

/// What is told to be ready or not.
const SERVICES: &[&str] = &[
    user_service_server::SERVICE_NAME,
    profile_service_server::SERVICE_NAME,
    session_service_server::SERVICE_NAME,
];

/// Runs the service until a signal, or until a part of it cannot go on.
pub(crate) async fn run(common: Common, settings: Settings) -> Result<(), Failure> {
    // First of all: a port that is taken should be heard of before anything has begun.
    let listener = listen("user.listen", settings.user.listen).await?;
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
    server: Part,
    service: UserService,
    relay: Part,
    others: Vec<Part>,
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
        let service = UserService::new(opened.store, publisher, clock, &settings.user);

        let server = service.server(common.server.clone())?;
        let mut others = Vec::new();
        if let Storage::Cql(cql) = &storage {
            let readiness = Readiness::new(cql.clone()).await?.tell(server.health(), SERVICES);
            others.push(Part::spawn(part("readiness"), |stop| readiness.run(stop)));
        }
        let invalidator = service.invalidator(bus.broadcast());
        others.push(Part::spawn(part("cache invalidator"), |stop| invalidator.run(stop)));
        let profiles = service.consumer(bus.shared());
        others.push(Part::spawn(part("profile consumer"), |stop| profiles.run(stop)));
        let relay = Part::spawn(part("relay"), |stop| relay.run(stop));
        let server = serve(part("server"), server, listener);
        tracing::info!(%address, "listening");
        Banner::new().line("user", address).line("data", common.data.display()).print();
        Ok(Self { broken, serving: DRAIN + common.server.lame_duck, server, service, relay, others, bus })
    }
}

impl Running for Parts {
    fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    fn drain(self) -> Stages {
        let Self { service, bus, .. } = self;
        Stages::new()
            .then("server", self.serving, self.server.end())
            .then("service", DRAIN, async move { service.close().await })
            .then("relay", DRAIN, self.relay.end())
            .then("consumers", DRAIN, end_all(self.others))
            .then("bus", DRAIN, bus.close())
    }
}
