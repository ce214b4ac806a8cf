//! The broker goes away, and comes back.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Context as _;
use mesh_rig::{
    proxy::{Fault, Proxy},
    servers::{Victim, Wanted},
};

/// How the broker is away.
pub(super) enum Absence {
    /// Behind a proxy that resets its connections and refuses new ones.
    Unreachable(Proxy),
    /// It is killed, and started again.
    Killed(Victim),
}

impl Absence {
    /// Of a broker that stays; connections lead through [`Absence::address`].
    pub(super) async fn unreachable(broker: SocketAddr) -> anyhow::Result<Self> {
        let proxy = Proxy::listen((Ipv4Addr::LOCALHOST, 0).into(), broker).await;
        Ok(Self::Unreachable(proxy.context("there is no port for a proxy")?))
    }

    /// Of one that is killed: it has to be of `cargo rig up`, so that it can be started again.
    pub(super) fn killed(broker: SocketAddr) -> anyhow::Result<Self> {
        let victim = Victim::all(Wanted::ALL).into_iter().find(|victim| victim.node().is_none());
        let victim = victim.filter(|victim| victim.address() == broker);
        victim.map(Self::Killed).context("the broker is not one that `cargo rig up` has started")
    }

    /// Where the broker is for whoever is to miss it.
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Unreachable(proxy) => proxy.address(),
            Self::Killed(victim) => victim.address(),
        }
    }

    pub(super) async fn begin(&self) -> anyhow::Result<()> {
        match self {
            Self::Unreachable(proxy) => Ok(proxy.set(Fault::Refuse).await?),
            Self::Killed(victim) => Ok(victim.kill().await?),
        }
    }

    pub(super) async fn end(&self) -> anyhow::Result<()> {
        match self {
            Self::Unreachable(proxy) => Ok(proxy.heal().await?),
            Self::Killed(victim) => Ok(victim.start().await?),
        }
    }
}
