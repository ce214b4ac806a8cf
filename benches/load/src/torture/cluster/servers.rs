//! The servers of a torture: three nodes and a broker, each behind a proxy, which only this torture uses.

use std::{fs::File, net::SocketAddr, sync::Arc};

use anyhow::{Context as _, ensure};
use mesh_rig::{
    nemesis::Hand,
    servers::{self, Login, Wanted},
};

use super::super::ground::{Keyspaces, Servers};

/// CQL nodes; each row is on all of them.
pub(super) const NODES: u8 = Wanted::MOST_NODES;
/// The virtual host.
const VHOST: &str = "torture";

/// Servers that run.
#[derive(Debug)]
pub(super) struct Stand {
    wanted: Wanted,
    /// Who breaks them.
    pub(super) hand: Arc<Hand>,
    /// How services get to them.
    pub(super) contact_points: String,
    /// Around the proxies.
    pub(super) ground: Servers,
}

/// Nobody else's servers, for as long as this is there.
#[derive(Debug)]
pub(super) struct Lock {
    _audience: File,
}

impl Lock {
    /// Takes the set of servers that the environment names.
    ///
    /// # Errors
    /// When somebody else uses it.
    pub(super) fn take() -> anyhow::Result<Self> {
        let audience = servers::audience()?;
        audience.try_lock().context("somebody else uses these servers")?;
        Ok(Self { _audience: audience })
    }
}

impl Stand {
    /// Starts everything. What runs there already is taken down first if `wipe` says so.
    ///
    /// # Errors
    /// When something runs already that is not to be taken down, or a server does not start.
    pub(super) async fn start(wipe: bool) -> anyhow::Result<Self> {
        if wipe {
            servers::down(true).await?;
        }
        let running = servers::running().await?;
        ensure!(running.is_empty(), "these servers run already: the torture kills its own");
        let wanted = Wanted::new(&[], NODES).proxied();
        let running = servers::up(wanted).await?;
        let broker = servers::broker()?;
        broker.management().create_vhost(VHOST).await?;
        let hand = Arc::new(Hand::new(wanted, &running, VHOST).await?);
        let named = |addresses: &[SocketAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>();
        Ok(Self {
            wanted,
            hand,
            contact_points: named(&running.cql).join(","),
            ground: Servers {
                // The driver goes where the nodes say that they are: through the proxies, which are whole by then.
                contact_points: named(&running.cql),
                keyspaces: Keyspaces::of("torture"),
                broker,
                vhost: VHOST.to_owned(),
            },
        })
    }

    /// The broker as services see it.
    pub(super) fn uri(&self) -> String {
        let broker = self.hand.broker();
        let Login { user, password } = broker.login;
        format!("amqp://{user}:{password}@{}/{VHOST}", broker.amqp)
    }

    /// Makes everything whole, and waits until every node reaches every other one.
    ///
    /// # Errors
    /// When a server does not come back.
    pub(super) async fn heal(&self) -> anyhow::Result<()> {
        self.hand.heal().await?;
        servers::up(self.wanted).await.context("the servers do not find each other again")?;
        Ok(())
    }
}
