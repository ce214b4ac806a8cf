//! Starting what is wanted and does not run yet.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::{
    broker::MANAGEMENT,
    cassandra::{self, Node},
    discovery::{self, Source},
    docker,
    error::ServersError,
    folders, probe,
    process::POLL,
    rabbitmq,
    snapshot::Snapshot,
    wanted::{Kind, Wanted},
};

/// How long a server may take from its start to its first answer, and the nodes of a cluster to find each other.
const FIRST_ANSWER: Duration = Duration::from_secs(240);
/// How long a server that was given by its address may take.
const GIVEN_ANSWER: Duration = Duration::from_secs(10);
/// What to do about a cluster that runs and is another one than is wanted.
const DOWN_FIRST: &str = ": `cargo rig down` first";
/// How long a port may stay taken before its owner is a stranger.
const FREE: Duration = Duration::from_secs(5);

/// Servers that run and answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Servers {
    /// Where drivers find the CQL nodes; empty if none was wanted. No password is asked for, unless they were given.
    pub cql: Vec<SocketAddr>,
    /// Where they listen, in the same order: somewhere else if they are behind proxies.
    pub cql_listens: Vec<SocketAddr>,
    /// The broker, where AMQP 0-9-1 is spoken; `None` if it was not wanted. User and password are `guest`, unless it
    /// was given.
    pub amqp: Option<SocketAddr>,
    /// Its HTTP management interface, with the same user; `None` for a broker that was given.
    pub management: Option<SocketAddr>,
}

impl Servers {
    /// The variables that tell tests, and other commands of the rig, where these are.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let cql: Vec<String> = self.cql.iter().map(SocketAddr::to_string).collect();
        [
            (discovery::variable(Kind::Cql), (!cql.is_empty()).then(|| cql.join(","))),
            (discovery::variable(Kind::Rabbitmq), self.amqp.map(|address| address.to_string())),
            (MANAGEMENT, self.management.map(|address| address.to_string())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }
}

/// Sees to it that the wanted servers run, and waits until every one of them answers.
///
/// What runs already stays as it is, so a second call is quick. A cluster of three serves where one node is wanted.
/// Waits for another `up` or `down` of the same target folder to end.
///
/// # Errors
/// [`ServersError`]. The servers that this call started are stopped again then.
///
/// # Panics
/// Outside of a tokio runtime with time and IO.
pub async fn up(wanted: Wanted) -> Result<Servers, ServersError> {
    let _lock = spawn_blocking(folders::lock).await??;
    let before = Snapshot::take().await?;
    // Both come to their end, so that nothing is started after the other one has failed and all is stopped.
    let (cql, broker) = tokio::join!(cql(wanted.cql_nodes(), wanted.is_proxied()), broker(wanted));
    let ((cql, cql_listens), (amqp, management)) = match (cql, broker) {
        (Ok(cql), Ok(broker)) => (cql, broker),
        (Err(error), _) | (_, Err(error)) => {
            // What fails on top of the failure that led here is told, not returned.
            if let Err(error) = before.stop_since().await {
                eprintln!("{error}");
            }
            return Err(error);
        }
    };
    Ok(Servers { cql, cql_listens, amqp, management })
}

/// Where drivers find the nodes, and where they listen.
type Nodes = (Vec<SocketAddr>, Vec<SocketAddr>);

async fn cql(nodes: u8, is_proxied: bool) -> Result<Nodes, ServersError> {
    if nodes == 0 {
        return Ok(Nodes::default());
    }
    let most = Wanted::MOST_NODES;
    let running = spawn_blocking(move || cassandra::running(most)).await?;
    // What stands behind a proxy is to be hurt, and a container cannot be.
    let source = source(Kind::Cql, running.is_some() || is_proxied).await?;
    if let Source::Given(addresses) = source {
        enough(addresses.len(), nodes, "given in MESH_RIG_CQL", "")?;
        if is_proxied {
            return Err(ServersError::NotOurs { server: "a node given in MESH_RIG_CQL".to_owned() });
        }
        let addresses = given(Kind::Cql, addresses).await?;
        return Ok((addresses.clone(), addresses));
    }
    let wanted = |node: Node| if is_proxied { node.behind_proxy() } else { node };
    let cluster = running.unwrap_or_else(|| Node::cluster(nodes).map(wanted).collect());
    enough(cluster.len(), nodes, "running", DOWN_FIRST)?;
    if cluster.iter().any(|node| node.is_proxied() != is_proxied) {
        return Err(ServersError::Proxied { is_proxied: !is_proxied, advice: DOWN_FIRST });
    }
    if source == Source::Docker {
        let started = cluster.clone();
        spawn_blocking(move || docker::start_cql(&started)).await??;
    } else {
        let is_missing = |node: &Node| !node.server().is_running();
        let missing: Vec<Node> = cluster.iter().copied().filter(is_missing).collect();
        for node in &missing {
            free(node.listens()).await?;
        }
        if !missing.is_empty() {
            spawn_blocking(move || cassandra::start(&missing)).await??;
        }
    }
    until_whole(&cluster, source == Source::Packages).await?;
    Ok((cluster.iter().map(|node| node.cql()).collect(), cluster.iter().map(|node| node.listens()).collect()))
}

/// Waits until every node answers and reaches every other one.
async fn until_whole(cluster: &[Node], runs_here: bool) -> Result<(), ServersError> {
    let others = u8::try_from(cluster.len() - 1).expect("a cluster has at most three nodes");
    for &node in cluster {
        let server = runs_here.then(|| node.server());
        let name = node.server().name();
        let look = || probe::greets(Kind::Cql, node.listens());
        probe::until(&name, server.as_ref(), FIRST_ANSWER, look).await?;
        if others > 0 {
            let look = || probe::sees_all(node.listens(), others);
            probe::until(&name, server.as_ref(), FIRST_ANSWER, look).await?;
        }
    }
    Ok(())
}

type Broker = (Option<SocketAddr>, Option<SocketAddr>);

async fn broker(wanted: Wanted) -> Result<Broker, ServersError> {
    if !wanted.rabbitmq() {
        return Ok((None, None));
    }
    let is_running = spawn_blocking(rabbitmq::is_running).await?;
    let source = source(Kind::Rabbitmq, is_running || wanted.is_proxied()).await?;
    let [server, _] = rabbitmq::servers();
    let look = || probe::greets(Kind::Rabbitmq, rabbitmq::amqp());
    match source {
        Source::Given(addresses) => {
            let addresses = given(Kind::Rabbitmq, addresses).await?;
            return Ok((addresses.first().copied(), None));
        }
        Source::Docker => {
            spawn_blocking(docker::start_broker).await??;
            probe::until(&docker::broker(), None, FIRST_ANSWER, look).await?;
        }
        Source::Packages => {
            if !is_running {
                free(rabbitmq::amqp()).await?;
                spawn_blocking(rabbitmq::start).await??;
            }
            probe::until(&server.name(), Some(&server), FIRST_ANSWER, look).await?;
        }
    }
    Ok((Some(rabbitmq::amqp()), Some(rabbitmq::management())))
}

async fn source(kind: Kind, is_running: bool) -> Result<Source, ServersError> {
    let choose = move || -> Result<Source, ServersError> {
        Ok(discovery::choose(discovery::given(kind)?, is_running, docker::has_engine))
    };
    spawn_blocking(choose).await?
}

fn enough(found: usize, wanted: u8, origin: &'static str, advice: &'static str) -> Result<(), ServersError> {
    if found >= usize::from(wanted) {
        return Ok(());
    }
    Err(ServersError::TooFewNodes { found, origin, wanted, advice })
}

/// Waits until each of the given servers answers; that is all that is done with them.
async fn given(kind: Kind, addresses: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, ServersError> {
    for &address in &addresses {
        let name = format!("{kind} at {address}, given in {}", discovery::variable(kind));
        probe::until(&name, None, GIVEN_ANSWER, || probe::greets(kind, address)).await?;
    }
    Ok(addresses)
}

/// A stranger on the port would be taken for the server that is about to be started. One that was killed just now
/// still has its port for a moment.
async fn free(address: SocketAddr) -> Result<(), ServersError> {
    let end = Instant::now() + FREE;
    while probe::is_taken(address).await {
        if Instant::now() >= end {
            return Err(ServersError::Taken(address));
        }
        sleep(POLL).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_nodes_are_refused_with_the_way_out() {
        enough(3, 1, "running", "").unwrap();
        let error = enough(1, 3, "running", ": `cargo rig down` first").unwrap_err();
        assert_eq!(error.to_string(), "1 CQL node(s) running, 3 are wanted: `cargo rig down` first");
    }
}
