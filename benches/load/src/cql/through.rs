//! The service: in this process, called over a connection as any client would.

use std::{num::NonZeroUsize, path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use load::figures::rate;
use mesh_events::{
    Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig},
};
use mesh_rpc::{Channel, ServerConfig, Target};
use proto::user::v1::{
    CreateUserRequest, GetUserRequest, get_user_request::Key, user_service_client::UserServiceClient,
};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    cql::{Cql, CqlConfig, commit::CommitConfig},
    embedded::{Engine, EngineConfig},
};
use tokio::{net::TcpListener, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use user::{UserConfig, UserService, store::cql::CqlStore};
use uuid::Uuid;

use super::Person;

/// A running service and a client of it.
pub(super) struct Service {
    client: UserServiceClient<Channel>,
    serving: JoinHandle<()>,
    stop: CancellationToken,
}

impl Service {
    /// Starts the service on a keyspace of this name, which is made. Its events stay in the outbox: neither side
    /// publishes, so neither marks. The bus that nobody publishes to is in `folder`.
    pub(super) async fn start(nodes: &[String], keyspace: &str, folder: &Path) -> anyhow::Result<Self> {
        let config = CqlConfig::plain(nodes.to_vec(), keyspace);
        let cql = Cql::connect(&config).await?;
        let clock = Clock::system();
        let store = CqlStore::open(cql, clock.clone(), CommitConfig::default()).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let config = UserConfig { listen: listener.local_addr()?, profile_cache: CacheConfig::default() };
        let engine = Engine::open(&folder.join("bus.redb"), EngineConfig::default())?;
        let bus = Arc::new(EmbeddedBus::open(engine, EmbeddedBusConfig::default()).await?);
        let few = RelayConfig { offered_max: NonZeroUsize::MIN, ..RelayConfig::default() };
        let (publisher, _never_run) = Relay::new(Arc::new(store.outbox()), bus, few);
        let service = UserService::new(Arc::new(store), publisher, clock, &config);
        let server = service.server(ServerConfig::default())?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let stop = stop.clone();
            async move {
                if let Err(error) = server.serve(listener, stop).await {
                    eprintln!("the server failed: {error}");
                }
                service.close().await;
            }
        });
        let channel = Channel::builder(Target::fixed([config.listen])).policies(&proto::POLICIES).build()?;
        Ok(Self { client: UserServiceClient::new(channel), serving, stop })
    }

    /// Creates everybody; answers the rate, and under which ids.
    pub(super) async fn create(&self, people: &[Person], at_once: usize) -> anyhow::Result<(f64, Vec<Uuid>)> {
        let start = Instant::now();
        let create = |person: &Person| {
            let request = CreateUserRequest {
                email: person.email.clone(),
                display_name: person.name.clone(),
                locale: String::new(),
                request_id: person.request_id.clone(),
            };
            let mut client = self.client.clone();
            async move {
                let user = client.create_user(request).await?.into_inner().user.context("no user")?;
                anyhow::Ok(user.user_id.parse::<Uuid>()?)
            }
        };
        let ids: Vec<Uuid> = stream::iter(people).map(create).buffer_unordered(at_once).try_collect().await?;
        Ok((rate(ids.len(), start.elapsed()), ids))
    }

    /// Reads everybody; answers how long it took.
    pub(super) async fn get(&self, ids: &[Uuid], at_once: usize) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let get = |id: &Uuid| {
            let request =
                GetUserRequest { key: Some(Key::UserId(id.to_string())), ..GetUserRequest::default() };
            let mut client = self.client.clone();
            async move { client.get_user(request).await.map(drop) }
        };
        stream::iter(ids).map(get).buffer_unordered(at_once).try_collect::<()>().await?;
        Ok(start.elapsed())
    }

    /// Stops the service.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let _ended = self.serving.await;
    }
}
