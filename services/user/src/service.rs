//! The service, put together.

use std::{num::NonZeroUsize, sync::Arc};

use mesh_events::{Broadcast, Bus, Consumer, ConsumerConfig, Publisher};
use mesh_rpc::{BuildError, Server, ServerConfig};
use proto::user::v1::{
    profile_service_server::ProfileServiceServer, session_service_server::SessionServiceServer,
    user_service_server::UserServiceServer,
};
use service_kit::clock::Clock;

use crate::{
    UserConfig,
    app::{Profiles, Sessions, Users},
    cache::{Invalidator, ProfileCache},
    events::{self, CreateProfile},
    grpc::{ProfileApi, SessionApi, UserApi},
    store::Store,
};

/// Events in processing at once. Each waits for two commits, its effect's and its acknowledgement's, so this is
/// what lets many share them.
const PREFETCH: NonZeroUsize = NonZeroUsize::new(1_024).expect("above zero");

/// The user service: what it serves and what it consumes.
#[derive(Debug)]
pub struct UserService {
    users: Users,
    profiles: Arc<Profiles>,
    sessions: Sessions,
}

impl UserService {
    /// The service on `store`, telling its events through `publisher`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, publisher: Publisher, clock: Clock, config: &UserConfig) -> Self {
        let cache = ProfileCache::new(Arc::clone(&store), clock.clone(), config.profile_cache.clone());
        let profiles = Arc::new(Profiles::new(Arc::clone(&store), cache, publisher.clone(), clock.clone()));
        let users = Users::new(Arc::clone(&store), Arc::clone(&profiles), publisher, clock.clone());
        Self { users, profiles, sessions: Sessions::new(store, clock) }
    }

    /// The gRPC server.
    ///
    /// # Errors
    /// When `config` cannot work.
    pub fn server(&self, config: ServerConfig) -> Result<Server, BuildError> {
        Server::builder()
            .policies(&proto::POLICIES)
            .descriptors(proto::FILE_DESCRIPTOR_SET)
            .config(config)
            .service(UserServiceServer::new(UserApi::new(self.users.clone())))
            .service(ProfileServiceServer::new(ProfileApi::new(Arc::clone(&self.profiles))))
            .service(SessionServiceServer::new(SessionApi::new(self.sessions.clone())))
            .build()
    }

    /// The consumer that creates profiles.
    #[must_use]
    pub fn consumer(&self, bus: Arc<dyn Bus>) -> Consumer {
        let handler = Arc::new(CreateProfile::new(Arc::clone(&self.profiles)));
        Consumer::new(
            bus,
            events::subscription(),
            handler,
            ConsumerConfig { prefetch: PREFETCH, ..ConsumerConfig::default() },
        )
    }

    /// The task that keeps the cache of profiles coherent with what other replicas write; run it for as long as this
    /// one serves.
    #[must_use]
    pub fn invalidator(&self, bus: Arc<dyn Broadcast>) -> Invalidator {
        self.profiles.invalidator(bus)
    }

    /// Finishes what callers who went away have left under way, and stops reading ahead; for the end of a
    /// drain.
    pub async fn close(&self) {
        self.users.close().await;
        self.profiles.close().await;
    }
}
