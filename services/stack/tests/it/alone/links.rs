//! The way from a program to a server, which can be broken.

use std::net::SocketAddr;

use mesh_rig::{
    proxy::{Fault, Proxy},
    testing::{Keyspace, Vhost},
};

/// Proxies before every address of a server.
pub(super) struct Link {
    proxies: Vec<Proxy>,
}

impl Link {
    /// Before the nodes of CQL. A driver takes the port of the node that it has met first for that of all nodes, so
    /// they share one.
    pub(super) async fn to_store(keyspace: &Keyspace) -> Self {
        let mut proxies: Vec<Proxy> = Vec::new();
        for node in keyspace.contact_points() {
            let node: SocketAddr = node.parse().unwrap();
            let port = proxies.first().map_or(0, |first| first.address().port());
            proxies.push(Proxy::listen(SocketAddr::new(node.ip(), port), node).await.unwrap());
        }
        Self { proxies }
    }

    /// Before the broker; with the address at which it is then.
    pub(super) async fn to_broker(vhost: &Vhost) -> (Self, String) {
        let uri = vhost.uri();
        let (login, place) = uri.rsplit_once('@').unwrap();
        let (broker, vhost) = place.split_once('/').unwrap();
        let proxy = Proxy::listen(([127, 0, 0, 1], 0).into(), broker.parse().unwrap()).await.unwrap();
        let uri = format!("{login}@{}/{vhost}", proxy.address());
        (Self { proxies: vec![proxy] }, uri)
    }

    /// Where programs look for the server, separated by commas.
    pub(super) fn addresses(&self) -> String {
        let addresses: Vec<_> = self.proxies.iter().map(|proxy| proxy.address().to_string()).collect();
        addresses.join(",")
    }

    pub(super) async fn set(&self, fault: Fault) {
        for proxy in &self.proxies {
            proxy.set(fault).await.unwrap();
        }
    }

    pub(super) async fn heal(&self) {
        for proxy in &self.proxies {
            proxy.heal().await.unwrap();
        }
    }
}
