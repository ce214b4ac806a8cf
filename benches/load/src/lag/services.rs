//! The user service and the notification service, wired as their programs wire them.

use std::{net::SocketAddr, path::Path, sync::Arc};

use futures_util::future;
use mesh_events::{Outbox, Relay, RelayConfig};
use mesh_rpc::{Channel, ServerConfig, Target};
use notification::{
    MailConfig, NotificationConfig, NotificationService, clients::Users, store::NotificationStore,
};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    cql::commit::CommitConfig,
    lifecycle::Stages,
    process::{Bus, DRAIN, Part, PartName, end_all, serve, topology},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use user::{UserConfig, UserService, store::Store};

use super::{ground::Ground, journey::Journeys, watched::Watched};

/// Both services, running.
pub(super) struct Services {
    /// To the user service.
    pub(super) user: Channel,
    server: Part,
    service: UserService,
    relay: Part,
    consumers: Vec<Part>,
    courier: Option<Part>,
    buses: Vec<Bus>,
}

impl Services {
    /// Starts both; mails are written into `folder`.
    pub(super) async fn start(
        ground: &Ground<'_>,
        folder: &Path,
        journeys: &Arc<Journeys>,
        has_courier: bool,
    ) -> anyhow::Result<Self> {
        let (clock, broken) = (Clock::system(), CancellationToken::new());
        let part = |name| PartName { name, broken: broken.clone() };
        let users = user::open::open(&ground.storage("user").await?, &clock, CommitConfig::default()).await?;
        let mails = notification::open::open(&ground.storage("notification").await?, &clock, "mail").await?;
        let store: Arc<Watched<dyn Store>> =
            Arc::new(Watched { inner: users.store, journeys: Arc::clone(journeys) });
        let outbox: Arc<Watched<dyn Outbox>> =
            Arc::new(Watched { inner: users.outbox, journeys: Arc::clone(journeys) });
        let mails: Arc<Watched<dyn NotificationStore>> =
            Arc::new(Watched { inner: mails, journeys: Arc::clone(journeys) });

        let buses = ground.buses().await?;
        let [of_users, of_mails] = [&buses[0], &buses[buses.len() - 1]];
        let (publisher, relay) = Relay::new(outbox, of_users.shared(), RelayConfig::default());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let listen = listener.local_addr()?;
        let config = UserConfig { listen, profile_cache: CacheConfig::default() };
        let service = UserService::new(store, publisher, clock.clone(), &config);
        let channel = Channel::builder(Target::fixed([listen])).policies(&proto::POLICIES).build()?;
        let queues = topology().into_iter().map(|subscription| subscription.queue).collect();
        let (asked, config) = (Users::new(channel.clone()), of_notification(listen));
        let notification =
            NotificationService::new(mails, of_mails.shared(), queues, asked, folder, clock, &config)?;

        let server = serve(part("server"), service.server(ServerConfig::default())?, listener);
        let (profiles, welcomes) =
            (service.consumer(of_users.shared()), notification.consumer(of_mails.shared()));
        let invalidator = service.invalidator(of_users.broadcast());
        let consumers = vec![
            Part::spawn(part("cache invalidator"), |stop| invalidator.run(stop)),
            Part::spawn(part("profile consumer"), |stop| profiles.run(stop)),
            Part::spawn(part("welcome consumer"), |stop| welcomes.run(stop)),
        ];
        let courier = notification.into_courier();
        let courier =
            has_courier.then(|| Part::spawn(part("courier"), async move |stop| courier.run(stop).await));
        let relay = Part::spawn(part("relay"), |stop| relay.run(stop));
        Ok(Self { user: channel, server, service, relay, consumers, courier, buses })
    }

    /// Stops both as on a good day.
    pub(super) async fn stop(self) {
        let Self { service, buses, .. } = self;
        let drained = Stages::new()
            .then("server", DRAIN, self.server.end())
            .then("service", DRAIN, async move { service.close().await })
            .then("relay", DRAIN, self.relay.end())
            .then("consumers", DRAIN, end_all(self.consumers))
            .then("courier", DRAIN, end_all(self.courier.into_iter().collect()))
            .then("channel", DRAIN, self.user.close())
            .then("buses", DRAIN, async move {
                future::join_all(buses.into_iter().map(Bus::close)).await;
            });
        drained.run().await;
    }
}

fn of_notification(listen: SocketAddr) -> NotificationConfig {
    // Nobody calls it, so where it would listen does not matter.
    NotificationConfig {
        listen,
        from: "Bench <no-reply@localhost.localdomain>".to_owned(),
        mail: MailConfig::Files,
    }
}
