//! The settings of the program: the service's own, what it stands on, and whom it calls.

use std::net::SocketAddr;

use mesh_rpc::Target;
use payment::PaymentConfig;
use service_kit::{
    config::Source,
    cql::commit::CommitConfig,
    process::{BusConfig, StorageConfig, StorageKind, peer},
};

/// Where the sandbox listens when nobody says otherwise.
const SANDBOX: ([u8; 4], u16) = ([127, 0, 0, 1], 50_054);

/// The settings of the program.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where the books are kept.
    pub(crate) storage: StorageConfig,
    /// How long events may wait in the store.
    pub(crate) outbox: CommitConfig,
    /// Which way events go.
    pub(crate) bus: BusConfig,
    /// Who knows the users.
    pub(crate) user: Target,
    /// The service.
    pub(crate) payment: PaymentConfig,
}

impl Settings {
    pub(crate) fn read(source: &mut Source) -> Self {
        Self {
            storage: StorageConfig::read(&mut source.section("storage"), StorageKind::Cql, "payment_service"),
            outbox: CommitConfig::read(&mut source.section("outbox")),
            bus: BusConfig::read_between_processes(&mut source.section("bus")),
            user: peer(&mut source.section("peers"), "user", 50_051, "Where the user service is"),
            payment: PaymentConfig::read(source, "payment"),
        }
    }

    /// Who moves the money.
    pub(crate) fn provider(&self) -> Target {
        self.payment.provider.clone().unwrap_or_else(|| Target::fixed([SocketAddr::from(SANDBOX)]))
    }
}
