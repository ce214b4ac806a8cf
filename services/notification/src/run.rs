//! Everything that runs, wired together, and stopped in the order in which work flows through it.

use std::time::Duration;

use mesh_rpc::Channel;
use notification::{MailConfig, NotificationService, clients::Users, open::open};
use proto::notification::v1::notification_service_server;
use service_kit::{
    clock::Clock,
    lifecycle::Stages,
    process::{
        AdminAddress, Banner, Bus, Common, DRAIN, Failure, Part, PartName, Program, Readiness, Running,
        Storage, end_all, listen, live, migrate, serve, topology,
    },
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::settings::Settings;

/// The program.
pub(crate) const PROGRAM: Program =
    Program { name: "notification-service", prefix: "NOTIFICATION_SERVICE", admin: AdminAddress::Off };

/// What is told to be ready or not.
const SERVICES: &[&str] = &[notification_service_server::SERVICE_NAME];

/// The folder of mails, below the data folder.
const MAILS: &str = "mails";

/// Runs the service until a signal, or until a part of it cannot go on.
pub(crate) async fn run(common: Common, settings: Settings) -> Result<(), Failure> {
    // First of all: a port that is taken should be heard of before anything has begun.
    let listener = listen("notification.listen", settings.notification.listen).await?;
    live(PROGRAM, &common, &settings.storage, async |storage, instance| {
        Parts::start(listener, storage, &instance, &common, &settings).await
    })
    .await
}

/// Brings the store to the newest schema.
pub(crate) async fn migrate_only(common: Common, settings: Settings) -> Result<(), Failure> {
    migrate(PROGRAM, &common, &settings.storage, async |storage, instance| {
        open(storage, &Clock::system(), instance).await
    })
    .await
}

/// Everything that runs.
struct Parts {
    broken: CancellationToken,
    serving: Duration,
    server: Part,
    receipts: Part,
    welcomes: Part,
    courier: Part,
    readiness: Vec<Part>,
    to_user: Channel,
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
        let store = open(&storage, &clock, instance).await?;
        let bus = Bus::rabbitmq(&settings.bus, PROGRAM.name).await?;
        let to_user = Channel::builder(settings.user.clone()).policies(&proto::POLICIES).build()?;
        let users = Users::new(to_user.clone());
        // Events that were parked are looked after here for all services.
        let queues = topology().into_iter().map(|subscription| subscription.queue).collect();
        let mails = common.data.join(MAILS);
        let config = &settings.notification;
        let service = NotificationService::new(store, bus.shared(), queues, users, &mails, clock, config)?;

        let server = service.server(common.server.clone())?;
        let mut readiness = Vec::new();
        if let Storage::Cql(cql) = &storage {
            let follow = Readiness::new(cql.clone()).await?.tell(server.health(), SERVICES);
            readiness.push(Part::spawn(part("readiness"), |stop| follow.run(stop)));
        }
        let (welcomes, receipts) = (service.consumer(bus.shared()), service.receipts_consumer(bus.shared()));
        let welcomes = Part::spawn(part("welcome consumer"), |stop| welcomes.run(stop));
        let receipts = Part::spawn(part("receipts consumer"), |stop| receipts.run(stop));
        let courier = service.into_courier();
        let courier = Part::spawn(part("courier"), async move |stop| courier.run(stop).await);
        let server = serve(part("server"), server, listener);
        tracing::info!(%address, "listening");
        let banner = Banner::new().line("notification", address).line("data", common.data.display());
        match &config.mail {
            MailConfig::Files => banner.line("mails", format_args!("{}/*.eml", mails.display())),
            MailConfig::Smtp(smtp) => banner.line("mails", format_args!("{}:{}", smtp.host, smtp.port)),
        }
        .print();
        let serving = DRAIN + common.server.lame_duck;
        Ok(Self { broken, serving, server, receipts, welcomes, courier, readiness, to_user, bus })
    }
}

impl Running for Parts {
    fn broken(&self) -> CancellationToken {
        self.broken.clone()
    }

    fn drain(self) -> Stages {
        Stages::new()
            .then("server", self.serving, self.server.end())
            .then("consumers", DRAIN, end_all(vec![self.receipts, self.welcomes]))
            // After what the consumers gave it.
            .then("courier", DRAIN, self.courier.end())
            .then("readiness", DRAIN, end_all(self.readiness))
            .then("channels", DRAIN, self.to_user.close())
            .then("bus", DRAIN, self.bus.close())
    }
}
