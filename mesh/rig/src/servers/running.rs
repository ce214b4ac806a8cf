//! What runs.

use std::{fmt, net::SocketAddr};

use tokio::task::spawn_blocking;

use super::{
    cassandra::Node,
    discovery, docker,
    error::ServersError,
    probe,
    process::Server,
    rabbitmq,
    wanted::{Kind, Wanted},
};

/// A server that runs, or was given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Running {
    /// The name of its folder or of its container, or the variable that gives it.
    pub name: String,
    /// Where it answers; `None` for one that nobody but other servers talks to.
    pub address: Option<SocketAddr>,
    /// Its processes; empty if they are not ours. Beginning with the one that was launched.
    pub pids: Vec<u32>,
    /// Whether it answered just now; `None` if it has no address.
    pub answers: Option<bool>,
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(address) = self.address {
            write!(f, " {address}")?;
        }
        if let Some(pid) = self.pids.first() {
            write!(f, " pid {pid}")?;
        }
        match self.answers {
            Some(true) => f.write_str(" answers"),
            Some(false) => f.write_str(" does not answer"),
            None => Ok(()),
        }
    }
}

/// Every server that was started here and has a process, every container that was started here, and every server
/// that the environment gives.
///
/// # Errors
/// [`ServersError`] if what the environment gives is no address.
///
/// # Panics
/// Outside of a tokio runtime with time and IO.
pub async fn running() -> Result<Vec<Running>, ServersError> {
    let mut found = Vec::new();
    for (kind, mut running) in spawn_blocking(look).await?? {
        if let (Some(kind), Some(address)) = (kind, running.address) {
            running.answers = Some(probe::greets(kind, address).await.is_ok());
        }
        found.push(running);
    }
    Ok(found)
}

fn look() -> Result<Vec<(Option<Kind>, Running)>, ServersError> {
    let mut found = Vec::new();
    for server in Server::all_running() {
        let (kind, address) = place(&server).unzip();
        let main = server.main();
        let others = server.pids().into_iter().filter(|&pid| Some(pid) != main);
        let pids = main.into_iter().chain(others).collect();
        found.push((kind, Running { name: server.name(), address, pids, answers: None }));
    }
    for (name, address) in docker::started() {
        let kind = if name == docker::broker() { Kind::Rabbitmq } else { Kind::Cql };
        found.push((Some(kind), Running { name, address: Some(address), pids: Vec::new(), answers: None }));
    }
    for kind in Kind::ALL {
        for address in discovery::given(kind)? {
            let name = discovery::variable(kind).to_owned();
            found.push((
                Some(kind),
                Running { name, address: Some(address), pids: Vec::new(), answers: None },
            ));
        }
    }
    Ok(found)
}

/// Where a server answers, and as what.
fn place(server: &Server) -> Option<(Kind, SocketAddr)> {
    if *server == rabbitmq::servers()[0] {
        return Some((Kind::Rabbitmq, rabbitmq::amqp()));
    }
    let nodes = (1..=Wanted::MOST_NODES).flat_map(Node::cluster);
    let mut nodes = nodes.flat_map(|node| [node, node.behind_proxy()]);
    nodes.find(|node| node.server() == *server).map(|node| (Kind::Cql, node.listens()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_known() {
        let address = Some(SocketAddr::from(([127, 0, 0, 1], 9142)));
        let mut running =
            Running { name: "cql-1-of-1".to_owned(), address, pids: vec![7, 8], answers: Some(false) };
        assert_eq!(running.to_string(), "cql-1-of-1 127.0.0.1:9142 pid 7 does not answer");
        running = Running { name: "x".to_owned(), address: None, pids: vec![], answers: None };
        assert_eq!(running.to_string(), "x");
    }

    #[test]
    fn every_server_has_its_own_place() {
        let node = Node::cluster(3).nth(1).unwrap();
        assert_eq!(place(&node.server()), Some((Kind::Cql, SocketAddr::from(([127, 0, 0, 2], 9142)))));
        let [broker, mapper] = rabbitmq::servers();
        assert_eq!(place(&broker), Some((Kind::Rabbitmq, rabbitmq::amqp())));
        assert_eq!(place(&mapper), None);
    }
}
