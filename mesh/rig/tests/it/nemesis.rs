//! The hand that breaks servers, on servers that only this test uses.

use std::net::SocketAddr;

use mesh_rig::{
    nemesis::{Fault, Hand, Link, Target},
    proxy,
    servers::{self, Snapshot, Victim, Wanted},
};
use scylla::client::{session::Session, session_builder::SessionBuilder};
use serde_json::json;
use tokio::{net::TcpStream, sync::Mutex};

async fn connect(servers: &servers::Servers) -> Session {
    let nodes = servers.cql.iter().map(ToString::to_string);
    SessionBuilder::new().known_nodes(nodes).build().await.unwrap()
}

async fn answers(session: &Session) -> bool {
    session.query_unpaged("SELECT key FROM system.local", ()).await.is_ok()
}

/// Until the driver has found its way again.
async fn until_answers(session: &Session) {
    while !answers(session).await {
        tokio::task::yield_now().await;
    }
}

/// The two of them use the same ports.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[tokio::test]
#[ignore = "kills servers: set MESH_RIG_FOLDER and MESH_RIG_PORT_OFFSET, so that it has some of its own"]
async fn a_driver_finds_every_node_behind_its_proxy_and_a_broken_link_is_one_node_less() {
    assert!(std::env::var_os("MESH_RIG_PORT_OFFSET").is_some(), "these would be everybody's servers");
    let _alone = ONE_AT_A_TIME.lock().await;
    let before = Snapshot::take().await.unwrap();
    let wanted = Wanted::new(&[], 3).proxied();
    let servers = servers::up(wanted).await.unwrap();
    let hand = Hand::new(wanted, &servers, "/").await.unwrap();
    let first = servers.cql[0].to_string();
    let session = SessionBuilder::new().known_node(first).build().await.unwrap();
    let state = session.get_cluster_state();
    let mut found: Vec<SocketAddr> = state
        .get_nodes_info()
        .iter()
        .map(|node| SocketAddr::new(node.address.ip(), node.address.port()))
        .collect();
    found.sort_unstable();
    assert_eq!(found, servers.cql);
    let cut = Fault::Cut { link: Link::Node(1), fault: proxy::Fault::Reset };
    hand.begin(&cut).await.unwrap();
    for _ in 0..20 {
        until_answers(&session).await;
    }
    hand.end(&cut).await.unwrap();
    before.restore().await.unwrap();
}

#[tokio::test]
#[ignore = "kills servers: set MESH_RIG_FOLDER and MESH_RIG_PORT_OFFSET, so that it has some of its own"]
async fn what_was_broken_works_again_afterwards() {
    assert!(std::env::var_os("MESH_RIG_PORT_OFFSET").is_some(), "these would be everybody's servers");
    let _alone = ONE_AT_A_TIME.lock().await;
    let before = Snapshot::take().await.unwrap();
    let wanted = Wanted::ALL.proxied();
    let servers = servers::up(wanted).await.unwrap();
    let broker = servers::broker().unwrap();
    let management = broker.management();
    management.create_vhost("hurt").await.unwrap();
    let hand = Hand::new(wanted, &servers, "hurt").await.unwrap();
    let session = connect(&servers).await;
    assert!(answers(&session).await, "through the proxy alone");

    eprintln!("kill a node");
    let kill = Fault::Kill(Target::Node(1));
    assert!(hand.begin(&kill).await.unwrap());
    assert!(!answers(&session).await);
    assert!(hand.end(&kill).await.unwrap());
    until_answers(&session).await;

    eprintln!("cut a link");
    let cut = Fault::Cut { link: Link::Node(1), fault: proxy::Fault::Refuse };
    hand.begin(&cut).await.unwrap();
    while answers(&session).await {}
    hand.end(&cut).await.unwrap();
    until_answers(&session).await;

    eprintln!("pause and kill the broker");
    let pause = Fault::Pause(Target::Broker);
    hand.begin(&pause).await.unwrap();
    let stat = |pid: u32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let running = servers::running().await.unwrap();
    let pids = &running.iter().find(|server| server.name == "rabbitmq").unwrap().pids;
    assert!(pids.iter().any(|pid| stat(*pid).contains(") T ")), "{running:?}");
    hand.end(&pause).await.unwrap();
    let kill = Fault::Kill(Target::Broker);
    hand.begin(&kill).await.unwrap();
    assert!(TcpStream::connect(broker.amqp).await.is_err());
    hand.end(&kill).await.unwrap();
    TcpStream::connect(hand.broker().amqp).await.unwrap();

    eprintln!("memory alarm");
    hand.begin(&Fault::MemoryAlarm).await.unwrap();
    assert!(management.has_memory_alarm().await.unwrap());
    hand.end(&Fault::MemoryAlarm).await.unwrap();
    assert!(!management.has_memory_alarm().await.unwrap());

    eprintln!("lose a binding");
    for (path, body) in [
        ("/api/exchanges/hurt/events", json!({ "type": "topic", "durable": true })),
        ("/api/queues/hurt/q", json!({ "durable": true })),
    ] {
        management.change("PUT", path, &body).await.unwrap();
    }
    let path = "/api/bindings/hurt/e/events/q/q";
    management.change("POST", path, &json!({ "routing_key": "user.#" })).await.unwrap();
    let whole = management.bindings("hurt").await.unwrap();
    hand.begin(&Fault::LostBinding { pick: 7 }).await.unwrap();
    assert_eq!(management.bindings("hurt").await.unwrap(), []);
    hand.end(&Fault::LostBinding { pick: 7 }).await.unwrap();
    assert_eq!(management.bindings("hurt").await.unwrap(), whole);
    hand.begin(&Fault::Unbound { queue: "q".to_owned() }).await.unwrap();
    assert_eq!(management.bindings("hurt").await.unwrap(), []);
    hand.begin(&Fault::Pause(Target::Node(1))).await.unwrap();
    hand.heal().await.unwrap();
    assert_eq!(management.bindings("hurt").await.unwrap(), whole);
    until_answers(&session).await;

    let names = before.restore().await.unwrap();
    assert_eq!(names.len(), 3, "{names:?}");
    for victim in Victim::all(wanted) {
        assert!(TcpStream::connect(victim.address()).await.is_err(), "{victim:?}");
    }
}
