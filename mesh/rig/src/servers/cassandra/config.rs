//! The configuration of one node.

use std::path::Path;

use super::node::Node;

/// Memory of one node, in MiB: the heap, and memtables outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) heap: u32,
    pub(super) memtables: u32,
}

/// Three nodes share what one may take.
pub(super) fn memory(nodes: u8) -> Memory {
    if nodes == 1 { Memory { heap: 1024, memtables: 128 } } else { Memory { heap: 512, memtables: 48 } }
}

/// `cassandra.yaml` of a node whose data lies in `folder`.
pub(super) fn yaml(node: Node, folder: &Path) -> String {
    let seeds: Vec<String> = Node::cluster(node.nodes).map(|node| node.cql().ip().to_string()).collect();
    let memtables = memory(node.nodes).memtables.to_string();
    let values = [
        ("@CLUSTER@", format!("rig of {}", node.nodes)),
        ("@TOKEN@", token(node).to_string()),
        ("@DIR@", folder.display().to_string()),
        // Every node is a seed, so that any of them may be the first one back.
        ("@SEEDS@", seeds.join(",")),
        ("@ADDRESS@", node.cql().ip().to_string()),
        ("@RPC_ADDRESS@", node.listens().ip().to_string()),
        ("@STORAGE_PORT@", Node::storage_port().to_string()),
        ("@SSL_PORT@", Node::ssl_port().to_string()),
        ("@CQL_PORT@", node.cql().port().to_string()),
        ("@MEMTABLE_MB@", memtables),
    ];
    let template = include_str!("cassandra.yaml").to_owned();
    values.iter().fold(template, |text, (name, value)| text.replace(name, value))
}

/// `cassandra-rackdc.properties`: every node is a rack of its own.
pub(super) fn rackdc(node: Node) -> String {
    format!("dc=dc1\nrack=rack{}\n", node.number)
}

/// The tokens of a cluster divide the ring evenly, beginning at its lowest end.
fn token(node: Node) -> i64 {
    let step = (1_i128 << 64) / i128::from(node.nodes);
    let token = i128::from(i64::MIN) + step * i128::from(node.number - 1);
    i64::try_from(token).expect("less than the whole ring above its lowest end is within it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_configured_with_its_own_address_token_and_folder() {
        let nodes: Vec<Node> = Node::cluster(3).collect();
        let yaml = yaml(nodes[1], Path::new("/a b/n2"));
        for line in [
            "initial_token: -3074457345618258603",
            "listen_address: 127.0.0.2",
            "rpc_address: 127.0.0.2",
            "native_transport_port: 9142",
            "commitlog_sync: batch",
            "data_file_directories: [ \"/a b/n2/data\" ]",
            "commitlog_directory: \"/a b/n2/commitlog\"",
            "    parameters: [ { seeds: \"127.0.0.1,127.0.0.2,127.0.0.3\" } ]",
            "memtable_heap_space: 48MiB",
        ] {
            assert!(yaml.lines().any(|found| found == line), "{line} is not in\n{yaml}");
        }
        let proxied = super::yaml(nodes[1].behind_proxy(), Path::new("/n2"));
        for line in
            ["listen_address: 127.0.0.2", "rpc_address: 127.0.1.2", "broadcast_rpc_address: 127.0.0.2"]
        {
            assert!(proxied.lines().any(|found| found == line), "{line} is not in\n{proxied}");
        }
        assert!(!yaml.replace("@ signs", "").contains('@'), "something is not filled in:\n{yaml}");
        assert_eq!(rackdc(nodes[1]), "dc=dc1\nrack=rack2\n");
    }

    #[test]
    fn tokens_divide_the_ring_evenly() {
        let tokens: Vec<i64> = Node::cluster(3).map(token).collect();
        assert_eq!(tokens, [i64::MIN, -3_074_457_345_618_258_603, 3_074_457_345_618_258_602]);
        assert_eq!(Node::cluster(1).map(token).collect::<Vec<_>>(), [i64::MIN]);
    }
}
