//! turmoil's network, as the mesh sees it.

use std::{io, net::SocketAddr};

use mesh_rpc::{Connector, Listener, Target};
use turmoil::net::{TcpListener, TcpStream};

use crate::host::{PORT, Replica, SERVICES};

pub(crate) struct Port(TcpListener);

impl Port {
    pub(crate) async fn bind() -> io::Result<Self> {
        Ok(Self(TcpListener::bind(("0.0.0.0", PORT)).await?))
    }
}

impl Listener for Port {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

pub(crate) struct Simulated;

fn addresses(service: usize) -> Vec<SocketAddr> {
    Replica::of(service).map(|replica| (turmoil::lookup(replica.name()), PORT).into()).collect()
}

/// The replicas of a service, by its name or one by one.
pub(crate) fn target(service: usize, by_name: bool) -> Target {
    if by_name {
        format!("dns:///{}:{PORT}", SERVICES[service]).parse().unwrap()
    } else {
        Target::fixed(addresses(service))
    }
}

impl Connector for Simulated {
    type Io = TcpStream;

    async fn resolve(&self, host: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        let service = SERVICES.iter().position(|service| *service == host);
        Ok(addresses(service.ok_or(io::ErrorKind::NotFound)?))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}
