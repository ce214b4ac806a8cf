//! The settings of the stack: its own, and those of the services in it.

use std::{net::SocketAddr, time::Duration};

use notification::NotificationConfig;
use payment::PaymentConfig;
use provider_sandbox::SandboxConfig;
use service_kit::{
    config::Source,
    cql::commit::CommitConfig,
    process::{BusConfig, BusKind, StorageConfig, StorageKind},
};
use user::UserConfig;

/// The settings of the stack.
#[derive(Clone, Debug)]
pub(crate) struct StackConfig {
    /// Where the services keep what they know: one file for all, or a keyspace each, whose name begins with the
    /// given one.
    pub(crate) storage: StorageConfig,
    /// How long events may wait in a cluster.
    pub(crate) outbox: CommitConfig,
    /// Which way events go.
    pub(crate) bus: BusConfig,
    /// The user service.
    pub(crate) user: UserConfig,
    /// The payment service.
    pub(crate) payment: PaymentConfig,
    /// The provider that moves no money; nothing if the payment service has another one.
    pub(crate) sandbox: Option<SandboxConfig>,
    /// The notification service.
    pub(crate) notification: NotificationConfig,
}

impl StackConfig {
    pub(crate) fn read(source: &mut Source) -> Self {
        let storage = StorageConfig::read(&mut source.section("storage"), StorageKind::Embedded, "stack");
        let outbox = CommitConfig::read(&mut source.section("outbox"));
        let bus = BusConfig::read(&mut source.section("bus"), BusKind::Embedded);
        let user = UserConfig::read(&mut source.section("user"));
        let payment = PaymentConfig::read(source, "payment");
        let sandbox = read_sandbox(source);
        let sandbox = payment.provider.is_none().then_some(sandbox);
        let notification = NotificationConfig::read(source, "notification");
        let mut addresses = vec![("user", user.listen), ("payment", payment.listen)];
        addresses.extend(sandbox.as_ref().map(|sandbox| ("sandbox", sandbox.listen)));
        addresses.push(("notification", notification.listen));
        reject_shared(source, &addresses);
        Self { storage, outbox, bus, user, payment, sandbox, notification }
    }
}

/// Two services cannot listen at one address; port 0 is another one each time.
fn reject_shared(source: &mut Source, addresses: &[(&str, SocketAddr)]) {
    for (at, (service, address)) in addresses.iter().enumerate() {
        let shared = addresses[..at].iter().find(|(_, other)| other == address && address.port() != 0);
        if let Some((other, _)) = shared {
            source
                .section(service)
                .reject("listen", &format!("expected another address than {other}.listen"));
        }
    }
}

fn read_sandbox(source: &mut Source) -> SandboxConfig {
    let default = SandboxConfig::default();
    let mut section = source.section("sandbox");
    let listen = section.get(
        "listen",
        default.listen,
        "an address like 127.0.0.1:50054",
        "Where the provider that moves no money listens; it is there unless payment.provider names another",
    );
    let slow_by = section.duration(
        "slow_by",
        default.slow_by,
        Duration::from_millis(1)..=Duration::from_secs(60),
        "How late it answers what is paid with tok_slow",
    );
    SandboxConfig { listen, slow_by, ..default }
}
