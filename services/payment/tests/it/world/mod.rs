//! Everything a payment needs, over loopback: the service, the real user service and the real sandbox provider,
//! each on a store of its own.

mod ask;
mod parts;

use std::{path::Path, time::Duration};

pub(crate) use ask::{fields, money, order, told};
use mesh_rig::testing::Keyspace;
use mesh_rpc::{Channel, Target};
pub(crate) use parts::PaymentPart;
use parts::{SandboxPart, UserPart};
use proto::{
    payment::v1::{
        payment_service_client::PaymentServiceClient,
        reconciliation_service_client::ReconciliationServiceClient,
    },
    provider::v1::{
        provider_service_client::ProviderServiceClient, webhook_service_client::WebhookServiceClient,
    },
    user::v1::user_service_client::UserServiceClient,
};
use service_kit::clock::{Clock, Hand, UnixMillis};
use tempfile::TempDir;

/// When the tests' clock starts.
pub(crate) const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// What a test may want to be otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    /// How long an authorization is held.
    pub(crate) authorization_ttl: Duration,
    /// How long an outcome is sought.
    pub(crate) provider_budget: Duration,
    /// How late `tok_slow` is.
    pub(crate) slow_by: Duration,
    /// How often the books are proved.
    pub(crate) reconcile_every: Duration,
    /// Whether what is open or expired is looked for; without it only what callers begin is driven.
    pub(crate) sweeps: bool,
}

impl Setup {
    /// What most tests want.
    pub(crate) const DEFAULT: Self = {
        const DAY: Duration = Duration::from_secs(24 * 3_600);
        let slow_by = Duration::from_secs(2);
        Self { authorization_ttl: DAY, provider_budget: DAY, slow_by, reconcile_every: DAY, sweeps: true }
    };
}

impl Default for Setup {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The service and all it needs, and a client of each.
pub(crate) struct World {
    pub(crate) payments: PaymentServiceClient<Channel>,
    pub(crate) reconciliation: ReconciliationServiceClient<Channel>,
    pub(crate) webhook: WebhookServiceClient<Channel>,
    pub(crate) users: UserServiceClient<Channel>,
    pub(crate) provider: ProviderServiceClient<Channel>,
    pub(crate) hand: Hand,
    clock: Clock,
    setup: Setup,
    user: Option<UserPart>,
    sandbox: Option<SandboxPart>,
    payment: Option<PaymentPart>,
    ports: Ports,
    folder: TempDir,
    keyspace: Option<Keyspace>,
}

/// Where everything is found, also after it was stopped and started again.
struct Ports {
    user: std::net::SocketAddr,
    sandbox: std::net::SocketAddr,
    payment: std::net::SocketAddr,
}

impl World {
    /// Everything running.
    pub(crate) async fn start() -> Self {
        Self::start_with(Setup::default()).await
    }

    /// Everything running, a little otherwise.
    pub(crate) async fn start_with(setup: Setup) -> Self {
        Self::start_in(None, setup).await
    }

    /// Everything running, the payment service on CQL.
    pub(crate) async fn start_on_cql() -> Self {
        Self::start_in(Some(mesh_rig::testing::keyspace().await), Setup::default()).await
    }

    async fn start_in(keyspace: Option<Keyspace>, setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(START);
        let (user, sandbox, payment) = (parts::port().await, parts::port().await, parts::port().await);
        let ports = Ports {
            user: user.local_addr().unwrap(),
            sandbox: sandbox.local_addr().unwrap(),
            payment: payment.local_addr().unwrap(),
        };
        let channel =
            |address| Channel::builder(Target::fixed([address])).policies(&proto::POLICIES).build().unwrap();
        let mut world = Self {
            payments: PaymentServiceClient::new(channel(ports.payment)),
            reconciliation: ReconciliationServiceClient::new(channel(ports.payment)),
            webhook: WebhookServiceClient::new(channel(ports.payment)),
            users: UserServiceClient::new(channel(ports.user)),
            provider: ProviderServiceClient::new(channel(ports.sandbox)),
            hand,
            clock,
            setup,
            user: None,
            sandbox: None,
            payment: None,
            ports,
            folder,
            keyspace,
        };
        world.user = Some(UserPart::start(user, world.folder.path()).await);
        world.sandbox = Some(world.sandbox_part(sandbox).await);
        world.payment = Some(world.payment_part(payment).await);
        world
    }

    /// Stops everything that still runs.
    pub(crate) async fn stop(mut self) {
        self.stop_payment().await;
        self.stop_provider().await;
        self.stop_users().await;
    }

    /// Stops the user service.
    pub(crate) async fn stop_users(&mut self) {
        if let Some(part) = self.user.take() {
            part.stop().await;
        }
    }

    /// Stops the provider; its books stay.
    pub(crate) async fn stop_provider(&mut self) {
        if let Some(part) = self.sandbox.take() {
            part.stop().await;
        }
    }

    /// From now on the provider settles nothing that it has taken on.
    pub(crate) async fn stop_settling(&mut self) {
        self.sandbox.as_mut().unwrap().stop_settling().await;
    }

    /// Stops the provider and puts somebody in its place who hears everything and says nothing.
    pub(crate) async fn mute_provider(&mut self) -> tokio::net::TcpListener {
        self.stop_provider().await;
        tokio::net::TcpListener::bind(self.ports.sandbox).await.unwrap()
    }

    /// Starts the provider again, where it was.
    pub(crate) async fn start_provider(&mut self) {
        let listener = tokio::net::TcpListener::bind(self.ports.sandbox).await.unwrap();
        self.sandbox = Some(self.sandbox_part(listener).await);
    }

    /// Stops the payment service; its books stay.
    pub(crate) async fn stop_payment(&mut self) {
        if let Some(part) = self.payment.take() {
            part.stop().await;
        }
    }

    /// Starts the payment service again, where it was.
    pub(crate) async fn start_payment(&mut self) {
        let listener = tokio::net::TcpListener::bind(self.ports.payment).await.unwrap();
        self.payment = Some(self.payment_part(listener).await);
    }

    /// Where everything is kept.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The payment service's parts.
    pub(crate) fn service(&self) -> &PaymentPart {
        self.payment.as_ref().unwrap()
    }

    async fn sandbox_part(&self, listener: tokio::net::TcpListener) -> SandboxPart {
        let webhook = Target::fixed([self.ports.payment]);
        SandboxPart::start(listener, self.folder.path(), webhook, self.setup.slow_by).await
    }

    /// One more payment service on the same books, and a client of it; for worlds on CQL.
    pub(crate) async fn replica(&self) -> (PaymentPart, PaymentServiceClient<Channel>) {
        let listener = parts::port().await;
        let target = Target::fixed([listener.local_addr().unwrap()]);
        let channel = Channel::builder(target).policies(&proto::POLICIES).build().unwrap();
        (self.payment_part(listener).await, PaymentServiceClient::new(channel))
    }

    async fn payment_part(&self, listener: tokio::net::TcpListener) -> PaymentPart {
        let targets = (Target::fixed([self.ports.user]), Target::fixed([self.ports.sandbox]));
        let instance = listener.local_addr().unwrap().to_string();
        let cql = match &self.keyspace {
            Some(keyspace) => Some(crate::cql::open(keyspace, &self.clock, &instance).await),
            None => None,
        };
        let how = (self.setup, cql);
        PaymentPart::start(listener, self.folder.path(), self.clock.clone(), targets, how).await
    }
}
