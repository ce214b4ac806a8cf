//! The settings of the program: the service's own, what it stands on, and whom it calls.

use mesh_rpc::Target;
use notification::NotificationConfig;
use service_kit::{
    config::Source,
    process::{BusConfig, StorageConfig, StorageKind, peer},
};

/// The settings of the program.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where notifications are kept.
    pub(crate) storage: StorageConfig,
    /// Which way events come.
    pub(crate) bus: BusConfig,
    /// Who knows the users.
    pub(crate) user: Target,
    /// The service.
    pub(crate) notification: NotificationConfig,
}

impl Settings {
    pub(crate) fn read(source: &mut Source) -> Self {
        let keyspace = "notification_service";
        Self {
            storage: StorageConfig::read(&mut source.section("storage"), StorageKind::Cql, keyspace),
            bus: BusConfig::read_between_processes(&mut source.section("bus")),
            user: peer(&mut source.section("peers"), "user", 50_051, "Where the user service is"),
            notification: NotificationConfig::read(source, "notification"),
        }
    }
}
