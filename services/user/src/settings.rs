//! The settings of the program: the service's own, and what it stands on.

use service_kit::{
    config::Source,
    cql::commit::CommitConfig,
    process::{BusConfig, StorageConfig, StorageKind},
};
use user::UserConfig;

/// The settings of the program.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Where users are kept.
    pub(crate) storage: StorageConfig,
    /// How long events may wait in the store.
    pub(crate) outbox: CommitConfig,
    /// Which way events go.
    pub(crate) bus: BusConfig,
    /// The service.
    pub(crate) user: UserConfig,
}

impl Settings {
    pub(crate) fn read(source: &mut Source) -> Self {
        Self {
            storage: StorageConfig::read(&mut source.section("storage"), StorageKind::Cql, "user_service"),
            outbox: CommitConfig::read(&mut source.section("outbox")),
            bus: BusConfig::read_between_processes(&mut source.section("bus")),
            user: UserConfig::read(&mut source.section("user")),
        }
    }
}
