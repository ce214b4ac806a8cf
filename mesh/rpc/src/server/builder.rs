//! From services to a server.

use std::{convert::Infallible, fmt, sync::Arc};

use http::{Request, Response};
use mesh_policy::PolicyTable;
use mesh_telemetry::Telemetry;
use tonic::{body::Body, codegen::BoxFuture, server::NamedService};
use tower_service::Service;

use super::{
    Health, Load, Server, ServerConfig, instruments::Instruments, rate_limit::Limits, reflection,
    router::Routes, shed::Limiter,
};

static NO_POLICIES: PolicyTable = PolicyTable::new(&[]);

/// Why a server cannot be built: always a mistake in the program or its configuration.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Two services have one name.
    #[error("the server has two services named {0}")]
    DuplicateService(&'static str),
    /// A number that no server can work with.
    #[error("the server's configuration is wrong: {0}")]
    Config(&'static str),
    /// The descriptors cannot be read.
    #[error("the descriptors for reflection cannot be read")]
    Descriptors(#[source] tonic_reflection::server::Error),
}

/// Collects what a server needs; [`Server::builder`] makes one.
#[must_use = "a builder does nothing before `build`"]
pub struct ServerBuilder {
    routes: Routes,
    duplicate: Option<&'static str>,
    policies: &'static PolicyTable,
    descriptors: &'static [u8],
    config: ServerConfig,
    telemetry: Telemetry,
    seed: Option<u64>,
}

impl ServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            routes: Routes::default(),
            duplicate: None,
            policies: &NO_POLICIES,
            descriptors: &[],
            config: ServerConfig::default(),
            telemetry: Telemetry::of_process().clone(),
            seed: None,
        }
    }

    /// Serves `service`, as tonic generates it.
    pub fn service<S>(mut self, service: S) -> Self
    where
        S: Service<
                Request<Body>,
                Response = Response<Body>,
                Error = Infallible,
                Future = BoxFuture<Response<Body>, Infallible>,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
    {
        self.add(service);
        self
    }

    /// What the contracts promise per method. Without it only the deadlines that callers send hold.
    pub fn policies(mut self, policies: &'static PolicyTable) -> Self {
        self.policies = policies;
        self
    }

    /// The encoded `FileDescriptorSet` of the services, for reflection.
    pub fn descriptors(mut self, descriptors: &'static [u8]) -> Self {
        self.descriptors = descriptors;
        self
    }

    /// Other bounds than the default ones.
    pub fn config(mut self, config: ServerConfig) -> Self {
        self.config = config;
        self
    }

    /// Where the server writes its numbers and spans, if not where the whole process does.
    pub fn telemetry(mut self, telemetry: &Telemetry) -> Self {
        self.telemetry = telemetry.clone();
        self
    }

    /// The seed of all that is random in the server. Without it, another one every time.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Adds health and reflection, and checks the whole.
    ///
    /// # Errors
    /// When two services have one name, the configuration cannot work, or the descriptors are none.
    pub fn build(mut self) -> Result<Server, BuildError> {
        if let Some(mistake) = self.config.mistake() {
            return Err(BuildError::Config(mistake));
        }
        let health = Health::new(self.routes.names());
        self.add(health.service());
        // Both versions list the same services, themselves among them: the list is made before they are.
        let mut names = self.routes.names();
        names.extend(["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]);
        self.add(reflection::v1(&names, self.descriptors).map_err(BuildError::Descriptors)?);
        self.add(reflection::v1alpha(&names, self.descriptors).map_err(BuildError::Descriptors)?);
        match self.duplicate {
            Some(name) => Err(BuildError::DuplicateService(name)),
            None => {
                let limiter = Arc::new(Limiter::new(&self.config.load_shed, self.policies.iter().len()));
                let seed = self.seed.unwrap_or_else(rand::random);
                let limits = Limits::new(&self.config.rate_limit, *self.policies, seed);
                let limits = Arc::new(limits.map_err(BuildError::Config)?);
                let load = Load { limiter: Arc::clone(&limiter), limits: Arc::clone(&limits) };
                Ok(Server {
                    routes: Arc::new(self.routes),
                    policies: *self.policies,
                    instruments: Arc::new(Instruments::new(self.telemetry, self.policies, load)),
                    health,
                    limiter,
                    limits,
                    config: self.config,
                    seed,
                })
            }
        }
    }

    fn add<S>(&mut self, service: S)
    where
        S: Service<
                Request<Body>,
                Response = Response<Body>,
                Error = Infallible,
                Future = BoxFuture<Response<Body>, Infallible>,
            > + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
    {
        if !self.routes.add(S::NAME, service) {
            self.duplicate = Some(S::NAME);
        }
    }
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("services", &self.routes.names())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
