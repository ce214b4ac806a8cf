//! The service over the wire: what callers send and what they get, mistakes included.

mod consistency;
mod import;
mod profiles;
mod sessions;
mod users;

use std::sync::Arc;

use mesh_events::{
    Bus, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rpc::{Channel, ServerConfig, Target};
use proto::user::v1::{
    CreateUserRequest, User, profile_service_client::ProfileServiceClient,
    session_service_client::SessionServiceClient, user_service_client::UserServiceClient,
};
use service_kit::{
    cache::CacheConfig,
    clock::{Clock, Hand, UnixMillis},
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use user::{UserConfig, UserService, store::embedded::EmbeddedStore};

/// A running service and its clients.
pub(crate) struct Api {
    pub(crate) users: UserServiceClient<Channel>,
    pub(crate) profiles: ProfileServiceClient<Channel>,
    pub(crate) sessions: SessionServiceClient<Channel>,
    pub(crate) store: EmbeddedStore,
    pub(crate) hand: Hand,
    stop: CancellationToken,
    parts: TaskTracker,
    _folder: TempDir,
}

impl Api {
    /// Starts the service; its consumer runs only when `consumes`.
    pub(crate) async fn start(consumes: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let (clock, hand) = Clock::manual(UnixMillis(1_700_000_000_000));
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
        bus.declare(&[user::events::subscription()]).await.unwrap();
        let shared: Arc<dyn Bus> = Arc::new(bus.clone());
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, relay) = Relay::new(outbox, Arc::clone(&shared), RelayConfig::default());
        let store = EmbeddedStore::open(engine, clock.clone()).await.unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let config = UserConfig { listen: address, profile_cache: CacheConfig::default() };
        let service = UserService::new(Arc::new(store.clone()), publisher, clock, &config);

        let (stop, parts) = (CancellationToken::new(), TaskTracker::new());
        let server = service.server(ServerConfig::default()).unwrap();
        parts.spawn(server.serve(listener, stop.clone()));
        parts.spawn(relay.run(stop.clone()));
        if consumes {
            parts.spawn(service.consumer(shared).run(stop.clone()));
        }
        parts.close();
        let channel = Channel::builder(Target::fixed([address])).policies(&proto::POLICIES).build().unwrap();
        Self {
            users: UserServiceClient::new(channel.clone()),
            profiles: ProfileServiceClient::new(channel.clone()),
            sessions: SessionServiceClient::new(channel),
            store,
            hand,
            stop,
            parts,
            _folder: folder,
        }
    }

    /// Stops everything and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.parts.wait().await;
    }

    /// A user that is there.
    pub(crate) async fn user(&mut self, email: &str) -> User {
        let request = CreateUserRequest {
            email: email.to_owned(),
            display_name: "Ada".to_owned(),
            ..Default::default()
        };
        self.users.create_user(request).await.unwrap().into_inner().user.unwrap()
    }
}

/// The code and the reason of an error, which must carry `ErrorInfo`.
pub(crate) fn told(status: &Status) -> (Code, String) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "user.v1");
    (status.code(), info.reason)
}

/// The fields that an error complains of.
pub(crate) fn fields(status: &Status) -> Vec<String> {
    let request = status.get_details_bad_request().unwrap_or_else(|| panic!("no BadRequest in {status:?}"));
    request.field_violations.into_iter().map(|violation| violation.field).collect()
}
