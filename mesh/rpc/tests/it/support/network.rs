//! A network in memory: it moves with the paused clock, refuses who is not there, and counts.

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use mesh_rpc::{Connector, Listener};
use tokio::{
    io::{DuplexStream, duplex},
    sync::mpsc,
};

#[derive(Clone, Default)]
pub(crate) struct Network(Arc<Mutex<Hosts>>);

#[derive(Default)]
struct Hosts {
    listening: BTreeMap<SocketAddr, mpsc::UnboundedSender<DuplexStream>>,
    connections: BTreeMap<SocketAddr, u32>,
    names: BTreeMap<String, Vec<SocketAddr>>,
    /// Addresses that swallow every packet: to connect takes forever.
    silent: Vec<SocketAddr>,
}

pub(crate) fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::new(10, 0, 0, 1), port).into()
}

impl Network {
    pub(crate) fn listen(&self, port: u16) -> Accepting {
        let (sender, connections) = mpsc::unbounded_channel();
        self.0.lock().unwrap().listening.insert(address(port), sender);
        Accepting { connections }
    }

    /// Attempts to connect so far.
    pub(crate) fn attempts(&self, port: u16) -> u32 {
        self.0.lock().unwrap().connections.get(&address(port)).copied().unwrap_or_default()
    }

    pub(crate) fn silence(&self, port: u16) {
        self.0.lock().unwrap().silent.push(address(port));
    }

    pub(crate) fn name(&self, name: &str, ports: &[u16]) {
        let addresses = ports.iter().map(|port| address(*port)).collect();
        self.0.lock().unwrap().names.insert(name.to_owned(), addresses);
    }
}

pub(crate) struct Accepting {
    connections: mpsc::UnboundedReceiver<DuplexStream>,
}

impl Listener for Accepting {
    type Io = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
        match self.connections.recv().await {
            Some(connection) => Ok((connection, address(0))),
            None => std::future::pending().await,
        }
    }
}

impl Connector for Network {
    type Io = DuplexStream;

    async fn resolve(&self, host: &str, _port: u16) -> io::Result<Vec<SocketAddr>> {
        let hosts = self.0.lock().unwrap();
        hosts.names.get(host).cloned().ok_or_else(|| io::Error::other("no such name"))
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<DuplexStream> {
        let (client, server) = duplex(64 * 1024);
        let silent = {
            let mut hosts = self.0.lock().unwrap();
            *hosts.connections.entry(address).or_default() += 1;
            hosts.silent.contains(&address)
        };
        if silent {
            std::future::pending::<()>().await;
        }
        let hosts = self.0.lock().unwrap();
        let sent = hosts.listening.get(&address).is_some_and(|listener| listener.send(server).is_ok());
        if sent { Ok(client) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
    }
}
