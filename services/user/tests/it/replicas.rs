//! Two replicas of the service on one store and one bus: what is changed through one is seen through the other.

use std::{sync::Arc, time::Duration};

use mesh_events::{
    Announcement, Broadcast as _, EventKind, Outbox as _, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rpc::{Channel, ServerConfig, Target};
use proto::user::v1::{
    CreateUserRequest, DeleteUserRequest, GetProfileRequest, Profile, UpdateProfileRequest,
    profile_service_client::ProfileServiceClient, user_service_client::UserServiceClient,
};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::Code;
use user::{UserConfig, UserService, events, store::embedded::EmbeddedStore};

/// Far below any lifetime, far above any delay.
const SOON: Duration = Duration::from_secs(20);

/// Two replicas, whose relay runs once it is told to.
struct Replicas {
    users: Vec<UserServiceClient<Channel>>,
    profiles: Vec<ProfileServiceClient<Channel>>,
    bus: EmbeddedBus<Engine>,
    outbox: Arc<EmbeddedOutbox<Engine>>,
    relay: Option<Relay>,
    stop: CancellationToken,
    parts: TaskTracker,
    _folder: TempDir,
}

impl Replicas {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, relay) =
            Relay::new(Arc::clone(&outbox) as _, Arc::new(bus.clone()), RelayConfig::default());
        let store = Arc::new(EmbeddedStore::open(engine, Clock::system()).await.unwrap());
        let (stop, parts) = (CancellationToken::new(), TaskTracker::new());
        let (mut users, mut profiles) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let listen = listener.local_addr().unwrap();
            let config = UserConfig { listen, profile_cache: CacheConfig::default() };
            let service = UserService::new(store.clone(), publisher.clone(), Clock::system(), &config);
            parts.spawn(service.server(ServerConfig::default()).unwrap().serve(listener, stop.clone()));
            parts.spawn(service.invalidator(Arc::new(bus.clone())).run(stop.clone()));
            let channel =
                Channel::builder(Target::fixed([listen])).policies(&proto::POLICIES).build().unwrap();
            users.push(UserServiceClient::new(channel.clone()));
            profiles.push(ProfileServiceClient::new(channel));
        }
        Self { users, profiles, bus, outbox, relay: Some(relay), stop, parts, _folder: folder }
    }

    /// From now on events reach the bus.
    fn publish(&mut self) {
        if let Some(relay) = self.relay.take() {
            self.parts.spawn(relay.run(self.stop.clone()));
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.parts.close();
        self.parts.wait().await;
    }

    async fn create(&mut self, email: &str) -> String {
        let request = CreateUserRequest {
            email: email.to_owned(),
            display_name: "Ada".to_owned(),
            ..Default::default()
        };
        self.users[0].create_user(request).await.unwrap().into_inner().user.unwrap().user_id
    }

    /// The name that a replica shows; `None`: it knows nobody.
    async fn name(&mut self, replica: usize, user_id: &str) -> Option<String> {
        let request = GetProfileRequest { user_id: user_id.to_owned(), ..Default::default() };
        match self.profiles[replica].get_profile(request).await {
            Ok(found) => Some(found.into_inner().profile.unwrap().display_name),
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => panic!("{status:?}"),
        }
    }

    async fn rename(&mut self, replica: usize, user_id: &str, name: &str) {
        let profile =
            Profile { user_id: user_id.to_owned(), display_name: name.to_owned(), ..Default::default() };
        let update_mask = Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] });
        let request = UpdateProfileRequest { profile: Some(profile), update_mask, ..Default::default() };
        self.profiles[replica].update_profile(request).await.unwrap();
    }

    /// Until a replica shows this.
    async fn shows(&mut self, replica: usize, user_id: &str, name: Option<&str>) {
        let agree = async {
            while self.name(replica, user_id).await.as_deref() != name {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, agree).await.unwrap_or_else(|_| panic!("never shows {name:?}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_through_one_replica_is_seen_through_the_other_once_it_is_told() {
    let mut replicas = Replicas::start().await;
    let ada = replicas.create("ada@example.org").await;
    for replica in [0, 1] {
        assert_eq!(replicas.name(replica, &ada).await.as_deref(), Some("Ada"));
    }
    replicas.rename(0, &ada, "Countess").await;
    assert_eq!(replicas.name(0, &ada).await.as_deref(), Some("Countess"), "at once where it was changed");
    // Nothing was told yet, so that what follows is the announcement's doing.
    assert_eq!(replicas.name(1, &ada).await.as_deref(), Some("Ada"));
    replicas.publish();
    replicas.shows(1, &ada, Some("Countess")).await;

    replicas.rename(1, &ada, "Enchantress").await;
    replicas.shows(0, &ada, Some("Enchantress")).await;
    let gone = DeleteUserRequest { user_id: ada.clone(), ..Default::default() };
    replicas.users[0].delete_user(gone).await.unwrap();
    assert_eq!(replicas.name(0, &ada).await, None);
    replicas.shows(1, &ada, None).await;
    replicas.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_profile_is_told_and_leaves_the_outbox() {
    let mut replicas = Replicas::start().await;
    let kinds = [EventKind::from_static(events::PROFILE_UPDATED)];
    let mut heard = replicas.bus.listen("cache.test", &kinds).await.unwrap();
    assert_eq!(heard.next().await, Some(Announcement::Resumed));
    let ada = replicas.create("ada@example.org").await;
    replicas.rename(0, &ada, "Countess").await;
    replicas.publish();
    let Some(Announcement::Event(event)) = heard.next().await else { panic!("nothing was told") };
    let body: serde_json::Value = serde_json::from_slice(&event.body).unwrap();
    assert_eq!((event.subject.to_string(), event.version), (ada.clone(), 2));
    assert_eq!((body["user_id"].as_str(), body["timestamp"].is_string()), (Some(ada.as_str()), true));
    let emptied = async {
        while !replicas.outbox.pending(Duration::ZERO, None, 10).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, emptied).await.expect("an event that no queue asks for stays in the outbox");
    replicas.stop().await;
}
