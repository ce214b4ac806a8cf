//! A stack's place on the servers of the tests.

use load::torture::Setting;
use mesh_rig::{
    servers::broker,
    testing::{Keyspace, Vhost, keyspace, vhost},
};

/// Keyspaces and a virtual host, for one stack. Keyspaces are lent again and again: to make their tables takes longer
/// than a whole case.
pub(crate) struct Place {
    keyspace: Keyspace,
    vhost: Vhost,
}

impl Place {
    pub(crate) async fn lend() -> Self {
        let (keyspace, vhost) = tokio::join!(keyspace(), vhost());
        Self { keyspace, vhost }
    }

    /// The setting, here.
    pub(crate) fn of(&self, setting: Setting) -> Setting {
        let Self { keyspace, vhost } = self;
        setting.on_servers(keyspace.contact_points(), keyspace.name(), broker().unwrap(), vhost.name())
    }

    /// The keyspace of a service.
    pub(crate) fn keyspace_of(&self, service: &str) -> String {
        format!("{}_{service}", self.keyspace.name())
    }

    /// Nodes of the cluster.
    pub(crate) fn contact_points(&self) -> Vec<String> {
        self.keyspace.contact_points()
    }
}
