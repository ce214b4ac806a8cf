//! One node: where it is, and how it is started.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use super::{config, jars, java};
use crate::servers::{
    error::ServersError,
    folders, place,
    process::{Server, without_memory_lock},
};

/// One node of a cluster of one or three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::servers) struct Node {
    /// From 1.
    pub(super) number: u8,
    pub(super) nodes: u8,
    /// Whether drivers are told an address at which it does not listen, so that a proxy can.
    is_proxied: bool,
}

impl Node {
    // Not those of an installed server. Every node has the same ports on its own address, as drivers need it, except
    // for the one of its management, which is always on 127.0.0.1.
    const CQL_PORT: u16 = 9142;
    const STORAGE_PORT: u16 = 7100;
    const SSL_PORT: u16 = 7101;
    const MANAGEMENT_PORT: u16 = 7300;

    pub(in crate::servers) fn cluster(nodes: u8) -> impl Iterator<Item = Self> {
        (1..=nodes).map(move |number| Self { number, nodes, is_proxied: false })
    }

    /// The same node where a proxy stands before it.
    pub(in crate::servers) fn behind_proxy(self) -> Self {
        Self { is_proxied: true, ..self }
    }

    pub(in crate::servers) fn is_proxied(self) -> bool {
        self.is_proxied
    }

    pub(in crate::servers) fn number(self) -> u8 {
        self.number
    }

    /// Its folder tells the size of its cluster: data of one node is of no use to a cluster of three.
    pub(in crate::servers) fn server(self) -> Server {
        let suffix = if self.is_proxied { "-proxied" } else { "" };
        Server::named(&format!("cql-{}-of-{}{suffix}", self.number, self.nodes))
    }

    /// Where drivers look for it, and other nodes.
    pub(in crate::servers) fn cql(self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, self.number], place::port(Self::CQL_PORT)))
    }

    /// Where it answers drivers.
    pub(in crate::servers) fn listens(self) -> SocketAddr {
        let net = u8::from(self.is_proxied);
        SocketAddr::from(([127, 0, net, self.number], place::port(Self::CQL_PORT)))
    }

    fn management_port(self) -> u16 {
        place::port(Self::MANAGEMENT_PORT) + u16::from(self.number)
    }

    pub(super) fn storage_port() -> u16 {
        place::port(Self::STORAGE_PORT)
    }

    pub(super) fn ssl_port() -> u16 {
        place::port(Self::SSL_PORT)
    }
}

/// The cluster of which a node runs, as a whole.
pub(in crate::servers) fn running(most: u8) -> Option<Vec<Node>> {
    let clusters = (1..=most).flat_map(|nodes| {
        let plain: Vec<Node> = Node::cluster(nodes).collect();
        let proxied = plain.iter().map(|node| node.behind_proxy()).collect();
        [plain, proxied]
    });
    clusters.into_iter().find(|nodes| nodes.iter().any(|node| node.server().is_running()))
}

/// Starts nodes; does not wait until they answer.
pub(in crate::servers) fn start(nodes: &[Node]) -> Result<(), ServersError> {
    let (java, lib) = (java::find_or_install()?, jars::find_or_download()?);
    nodes.iter().try_for_each(|&node| launch(node, &java, &lib))
}

fn launch(node: Node, java: &Path, lib: &Path) -> Result<(), ServersError> {
    let server = node.server();
    let folder = server.folder();
    let conf = folder.join("conf");
    let temporary = folder.join("tmp");
    folders::make(&conf)?;
    folders::make(&temporary)?;
    let options = conf.join("jvm17.options");
    folders::write(&options, include_str!("jvm17.options"))?;
    folders::write(&conf.join("logback.xml"), include_str!("logback.xml"))?;
    folders::write(&conf.join("cassandra.yaml"), &config::yaml(node, folder))?;
    folders::write(&conf.join("cassandra-rackdc.properties"), &config::rackdc(node))?;
    let heap = config::memory(node.nodes).heap;
    let agent = agent(lib)?;
    server.launch(without_memory_lock(), java, |command| {
        command.arg(format!("@{}", options.display()));
        command.args([format!("-Xms{heap}m"), format!("-Xmx{heap}m")]);
        // The first compiler alone: starting takes half the time, which is what tests wait for.
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseG1GC", "-XX:MaxDirectMemorySize=512m"]);
        command.args(["-XX:ParallelGCThreads=2", "-XX:ConcGCThreads=1", "-XX:ReservedCodeCacheSize=96m"]);
        command.arg(format!("-javaagent:{}", agent.display()));
        for property in ["java.io.tmpdir", "jna.tmpdir"] {
            command.arg(format!("-D{property}={}", temporary.display()));
        }
        command.arg(format!("-Dcassandra.storagedir={}", folder.display()));
        command.arg(format!("-Dcassandra.jmx.local.port={}", node.management_port()));
        // Nothing to wait for: the cluster is on this machine.
        command.args(["-Dcassandra-foreground=yes", "-Dcassandra.skip_wait_for_gossip_to_settle=0"]);
        command.args(["-Dcassandra.ring_delay_ms=1000", "-Dcassandra.superuser_setup_delay_ms=0"]);
        command.arg("-Dcassandra.shutdown_announce_in_ms=100");
        // The configuration is found on the class path, and only ours is there.
        command.arg("-cp").arg(format!("{}:{}/*", conf.display(), lib.display()));
        command.arg("org.apache.cassandra.service.CassandraDaemon");
    })
}

/// The agent with which Cassandra measures objects.
fn agent(lib: &Path) -> Result<PathBuf, ServersError> {
    let entries = lib.read_dir().map_err(ServersError::file(lib))?.flatten();
    let is_agent =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("jamm-"));
    let missing =
        ServersError::Missing { what: "jamm", advice: "delete the folder of the jars in the cache" };
    entries.map(|entry| entry.path()).find(is_agent).ok_or(missing)
}
