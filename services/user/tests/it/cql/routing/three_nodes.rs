//! What one node cannot show: which of several is asked, and what happens while that one hangs.
//!
//! Three nodes, each a rack, and no other test meanwhile, since a node is stopped:
//!
//! ```sh
//! cargo rig up --nodes 3 && cargo rig test -p user --test it -- three_nodes --ignored --test-threads=1
//! ```
//!
//! Beside servers that run already it needs `MESH_RIG_FOLDER` and `MESH_RIG_PORT_OFFSET`, for both commands.

use std::{collections::BTreeSet, net::SocketAddr, process::Command, sync::Arc, time::Duration};

use mesh_rig::testing::{Keyspace, fresh_keyspace, keyspace};
use scylla::{
    cluster::Node,
    observability::history::{AttemptResult, HistoryCollector},
};
use service_kit::cql::CqlConfig;
use user::store::{Consistency::Eventual, UserStore as _};

use super::{address, asks_only, first_asked, near, nodes, observed, session, some_users};

/// How long a read may take that another node answers: far more than it needs, far less than a node hangs here.
const PATIENCE: Duration = Duration::from_secs(30);

async fn three(keyspace: &Keyspace) -> [Arc<Node>; 3] {
    let nodes: Result<[_; 3], _> = nodes(keyspace).await.try_into();
    nodes.expect("needs three nodes, of which each is a rack")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs three nodes: see above"]
async fn whichever_rack_is_near_its_node_is_asked() {
    let keyspace = keyspace().await;
    let nodes = three(&keyspace).await;
    let ids = some_users(&near(&keyspace, &nodes[0]).await.0).await;
    for node in nodes {
        let (store, history) = near(&keyspace, &node).await;
        asks_only(address(&node), &store, &history, &ids).await;
    }
}

/// With one copy of each row, only one node can answer without asking another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs three nodes: see above"]
async fn each_row_is_asked_of_the_node_that_has_it() {
    let keyspace = fresh_keyspace().await;
    let [node, ..] = three(&keyspace).await;
    let datacenter = node.datacenter.clone().unwrap();
    let session = session(&keyspace).await;
    let once = format!(
        "ALTER KEYSPACE {} WITH replication = {{'class': 'NetworkTopologyStrategy', '{datacenter}': 1}}",
        keyspace.name()
    );
    session.query_unpaged(once, ()).await.unwrap();
    let config = CqlConfig {
        datacenter: Some(datacenter),
        ..CqlConfig::plain(keyspace.contact_points(), keyspace.name())
    };
    let (store, history) = observed(&config).await;
    let ids = some_users(&store).await;
    session.refresh_metadata().await.unwrap();
    let cluster = session.get_cluster_state();
    let mut owners = BTreeSet::new();
    for id in ids {
        history.take_collected();
        assert!(store.users_at(&[id], Eventual).await.unwrap()[0].is_some());
        let copies = cluster.get_endpoints(keyspace.name(), "users", &(id.0,)).unwrap();
        let [(owner, _)] = copies.as_slice() else { panic!("{} copies", copies.len()) };
        assert_eq!(first_asked(&history), [address(owner)].into(), "{id}");
        owners.insert(address(owner));
    }
    assert_eq!(owners.len(), 3, "every node has some of the rows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs three nodes, and stops one: see above"]
async fn another_node_answers_while_the_nearest_hangs() {
    let keyspace = keyspace().await;
    let [nearest, ..] = three(&keyspace).await;
    let (store, history) = near(&keyspace, &nearest).await;
    let ids = some_users(&store).await;
    let nearest = address(&nearest);
    asks_only(nearest, &store, &history, &ids).await;
    let stopped = Stopped::node(nearest).await;
    for id in &ids {
        history.take_collected();
        let found = tokio::time::timeout(PATIENCE, store.users_at(&[*id], Eventual)).await;
        let found = found.expect("nobody else was asked").unwrap();
        assert!(found[0].is_some());
        assert_ne!(answered(&history), nearest, "a stopped node answers nothing");
    }
    // It goes on, and is the nearest again once it answers.
    drop(stopped);
    let again = async {
        loop {
            history.take_collected();
            if store.users_at(&[ids[0]], Eventual).await.is_ok() && answered(&history) == nearest {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("the nearest node is not asked any more");
}

/// Who answered the last request.
fn answered(history: &HistoryCollector) -> SocketAddr {
    let requests = history.clone_structured_history().requests;
    let last = requests.last().expect("something was asked");
    let fibers = [&last.non_speculative_fiber].into_iter().chain(&last.speculative_fibers);
    let mut attempts = fibers.flat_map(|fiber| &fiber.attempts);
    let answer = attempts.find(|attempt| matches!(attempt.result, Some(AttemptResult::Success(_))));
    answer.expect("somebody answered").node_addr
}

/// Ends the stop of a process, whatever becomes of the test.
struct Stopped(u32);

impl Stopped {
    async fn node(address: SocketAddr) -> Self {
        let running = mesh_rig::servers::running().await.unwrap();
        let node = running.iter().find(|server| server.address == Some(address) && !server.pids.is_empty());
        let pid = node.unwrap_or_else(|| panic!("{address} is not a node of `cargo rig up`")).pids[0];
        signal("STOP", pid);
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        signal("CONT", self.0);
    }
}

fn signal(name: &str, pid: u32) {
    let sent = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap();
    assert!(sent.success(), "cannot send {name} to {pid}");
}
