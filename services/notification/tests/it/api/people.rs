//! A real user service, beside the service under test.

use std::{net::SocketAddr, sync::Arc};

use mesh_events::{
    Bus, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rpc::{Channel, ServerConfig, Target};
use proto::user::v1::{CreateUserRequest, DeleteUserRequest, user_service_client::UserServiceClient};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use user::{UserConfig, UserService, store::embedded::EmbeddedStore};

/// The user service. The test has its own way in; everybody else comes through the door.
pub(super) struct People {
    client: UserServiceClient<Channel>,
    service: UserService,
    /// Bound, so that nobody else gets the port, but refusing every connection until it listens.
    door: Option<TcpSocket>,
    /// Of the door.
    pub(super) address: SocketAddr,
    stop: CancellationToken,
    parts: TaskTracker,
    _folder: TempDir,
}

impl People {
    /// Starts the service with its door open.
    pub(super) async fn start() -> Self {
        let mut people = Self::behind_a_closed_door().await;
        people.open();
        people
    }

    /// Starts the service so that for everybody else it is down.
    pub(super) async fn behind_a_closed_door() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
        bus.declare(&[user::events::subscription()]).await.unwrap();
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, relay) = Relay::new(outbox, Arc::new(bus), RelayConfig::default());
        let store = EmbeddedStore::open(engine, Clock::system()).await.unwrap();
        let door = TcpSocket::new_v4().unwrap();
        door.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = door.local_addr().unwrap();
        let config = UserConfig { listen: address, profile_cache: CacheConfig::default() };
        let service = UserService::new(Arc::new(store), publisher, Clock::system(), &config);

        let (stop, parts) = (CancellationToken::new(), TaskTracker::new());
        parts.spawn(relay.run(stop.clone()));
        let own = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Target::fixed([own.local_addr().unwrap()]);
        let channel = Channel::builder(target).policies(&proto::POLICIES).build().unwrap();
        let client = UserServiceClient::new(channel);
        let people = Self { client, service, door: Some(door), address, stop, parts, _folder: folder };
        people.serve(own);
        people
    }

    fn serve(&self, listener: TcpListener) {
        let server = self.service.server(ServerConfig::default()).unwrap();
        self.parts.spawn(server.serve(listener, self.stop.clone()));
    }

    /// The service is there for everybody.
    pub(super) fn open(&mut self) {
        let listener = self.door.take().unwrap().listen(64).unwrap();
        self.serve(listener);
    }

    /// A new user with this address; answers the id.
    pub(super) async fn join(&mut self, email: &str) -> String {
        let (email, display_name) = (email.to_owned(), "Ada".to_owned());
        let request = CreateUserRequest { email, display_name, ..Default::default() };
        self.client.create_user(request).await.unwrap().into_inner().user.unwrap().user_id
    }

    /// The user is gone.
    pub(super) async fn leave(&mut self, user_id: &str) {
        let request = DeleteUserRequest { user_id: user_id.to_owned(), ..Default::default() };
        self.client.delete_user(request).await.unwrap();
    }

    /// Stops everything and waits for it.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.parts.close();
        self.parts.wait().await;
    }
}
