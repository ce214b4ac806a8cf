//! Servers from Docker's images.

use std::{fs, net::SocketAddr, path::PathBuf, process::Command};

use super::{
    cassandra::Node,
    commands::{find, output},
    error::ServersError,
    folders, place, rabbitmq,
};

const SCYLLA: &str = "scylladb/scylla:2025.4";
const RABBITMQ: &str = "rabbitmq:4-management";
/// The containers' own network: the nodes of a cluster find each other by name in it.
const NETWORK: &str = "mesh-rig";
/// The container of the broker.
pub(super) fn broker() -> String {
    format!("mesh-rig{}-rabbitmq", place::suffix())
}

/// Whether there is a docker command with a running engine.
pub(super) fn has_engine() -> bool {
    find("docker").is_some() && docker(&["version", "--format", "{{.Server.Version}}"]).is_ok()
}

/// The containers that were started here and not stopped since, with what they answer on.
pub(super) fn started() -> Vec<(String, SocketAddr)> {
    let entries = fs::read_dir(records()).into_iter().flatten().flatten();
    let mut found: Vec<(String, SocketAddr)> = entries
        .filter_map(|entry| {
            let address = fs::read_to_string(entry.path()).ok()?.trim().parse().ok()?;
            Some((entry.file_name().into_string().ok()?, address))
        })
        .collect();
    found.sort();
    found
}

/// The name of a node's container.
pub(super) fn container(node: Node) -> String {
    format!("mesh-rig{}-{}", place::suffix(), node.server().name())
}

/// Starts the containers of nodes that do not run; does not wait until they answer.
pub(super) fn start_cql(nodes: &[Node]) -> Result<(), ServersError> {
    let Some(&first) = nodes.first() else { return Ok(()) };
    for &node in nodes {
        start(&container(node), node.listens(), &scylla(node, first))?;
    }
    Ok(())
}

/// Starts the container of the broker unless it runs.
pub(super) fn start_broker() -> Result<(), ServersError> {
    let (amqp, management) = (rabbitmq::amqp(), rabbitmq::management());
    let words = [
        format!("--publish={amqp}:5672"),
        format!("--publish={management}:15672"),
        // One name for all its lives: the data is filed under it.
        "--hostname=rabbitmq".to_owned(),
        RABBITMQ.to_owned(),
    ];
    start(&broker(), amqp, &words)
}

/// Removes a container with its data.
pub(super) fn remove(name: &str) -> Result<(), ServersError> {
    docker(&["rm", "--force", "--volumes", name])?;
    let record = records().join(name);
    fs::remove_file(&record).map_err(ServersError::file(record))
}

fn start(name: &str, address: SocketAddr, words: &[String]) -> Result<(), ServersError> {
    if is_running(name) {
        return Ok(());
    }
    // Is there already, or the next command tells why not.
    let _exists = docker(&["network", "create", NETWORK]);
    // A container that has ended, if there is one.
    docker(&["rm", "--force", "--volumes", name])?;
    folders::make(&records())?;
    folders::write(&records().join(name), &address.to_string())?;
    let name = format!("--name={name}");
    let network = format!("--network={NETWORK}");
    let mut all = vec!["run", "--detach", &name, &network];
    all.extend(words.iter().map(String::as_str));
    docker(&all).map(drop)
}

fn is_running(name: &str) -> bool {
    let state = docker(&["inspect", "--format", "{{.State.Running}}", name]);
    state.is_ok_and(|state| state.trim() == "true")
}

/// The image and its arguments: the address under which clients see a node is that of this machine.
fn scylla(node: Node, first: Node) -> Vec<String> {
    let (ip, port) = (node.cql().ip(), node.cql().port());
    vec![
        format!("--publish={}:{port}:{port}", node.listens().ip()),
        SCYLLA.to_owned(),
        "--smp=1".to_owned(),
        "--memory=1G".to_owned(),
        "--overprovisioned=1".to_owned(),
        "--developer-mode=1".to_owned(),
        format!("--seeds={}", container(first)),
        "--rpc-address=0.0.0.0".to_owned(),
        format!("--broadcast-rpc-address={ip}"),
        format!("--native-transport-port={port}"),
    ]
}

/// One file per container that was started here.
fn records() -> PathBuf {
    folders::servers().join("docker")
}

fn docker(words: &[&str]) -> Result<String, ServersError> {
    output(Command::new("docker").args(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_nodes_see_a_container_under_the_same_port() {
        let nodes: Vec<Node> = Node::cluster(3).collect();
        let words = scylla(nodes[2], nodes[0]);
        for word in [
            "--publish=127.0.0.3:9142:9142",
            "--broadcast-rpc-address=127.0.0.3",
            "--native-transport-port=9142",
            "--seeds=mesh-rig-cql-1-of-3",
        ] {
            assert!(words.iter().any(|found| found == word), "{word} is not in {words:?}");
        }
    }
}
