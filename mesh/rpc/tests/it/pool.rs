//! As many connections to a server as its calls need.

use std::time::Duration;

use echo::UnaryRequest;
use mesh_rpc::{Channel, ChannelConfig, PoolConfig, ServerConfig, Target};
use tokio::task::JoinHandle;
use tonic::{Request, Status};

use crate::support::{Echo, EchoClient, Network, Node, address};

fn start(streams: u32, pool: PoolConfig) -> (Node, EchoClient) {
    let network = Network::default();
    let config = ServerConfig { max_concurrent_streams: streams, ..ServerConfig::default() };
    let node = Node::start_at(&network, 1, Echo::default(), |server| server.config(config));
    let config = ChannelConfig { pool, ..ChannelConfig::default() };
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network).config(config).seed(1);
    (node, EchoClient::new(channel.build().unwrap()))
}

fn call(client: &EchoClient, text: &str) -> JoinHandle<Result<String, Status>> {
    let (mut client, mut request) = (client.clone(), Request::new(UnaryRequest { text: text.to_owned() }));
    request.set_timeout(Duration::from_secs(60));
    tokio::spawn(async move { Ok(client.unary(request).await?.into_inner().text) })
}

async fn all(calls: Vec<JoinHandle<Result<String, Status>>>) {
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn grows_to_its_bound_when_the_servers_streams_are_taken_and_shrinks_when_they_are_not() {
    let pool = PoolConfig { max_connections: 3, ..PoolConfig::default() };
    let (node, client) = start(2, pool);
    let attempts = || node.network.attempts(1);
    call(&client, "hello").await.unwrap().unwrap();
    assert_eq!(attempts(), 1);
    let began = tokio::time::Instant::now();
    let calls: Vec<_> = (0..8).map(|_| call(&client, "sleep 1000")).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(attempts(), 3);
    assert_eq!(node.echo.came.load(std::sync::atomic::Ordering::Relaxed), 1 + 6);
    all(calls).await;
    assert!(
        began.elapsed() < Duration::from_millis(2_200),
        "six at once, and then two: {:?}",
        began.elapsed()
    );
    // A call now and then needs one connection; the others are closed.
    for _ in 0..10 {
        call(&client, "hello").await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!(attempts(), 3);
    let calls: Vec<_> = (0..6).map(|_| call(&client, "sleep 1000")).collect();
    all(calls).await;
    assert_eq!(attempts(), 5);
}

#[tokio::test(start_paused = true)]
async fn many_calls_at_once_on_a_new_connection_do_not_open_others_that_the_server_does_not_ask_for() {
    let (node, client) = start(1_000, PoolConfig::default());
    let calls: Vec<_> = (0..500).map(|_| call(&client, "sleep 1000")).collect();
    let began = tokio::time::Instant::now();
    all(calls).await;
    assert_eq!(node.network.attempts(1), 1);
    assert!(began.elapsed() < Duration::from_millis(1_100), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_with_few_streams_gets_its_connections_though_none_has_answered() {
    let (node, client) = start(10, PoolConfig::default());
    let calls: Vec<_> = (0..60).map(|_| call(&client, "hang")).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(node.network.attempts(1), 6);
    assert_eq!(node.echo.came.load(std::sync::atomic::Ordering::Relaxed), 60);
    drop(calls);
}

#[tokio::test(start_paused = true)]
async fn calls_go_on_over_new_connections_when_a_server_with_several_stops() {
    let pool = PoolConfig { max_connections: 3, ..PoolConfig::default() };
    let (node, client) = start(2, pool);
    let calls: Vec<_> = (0..6).map(|_| call(&client, "sleep 100")).collect();
    all(calls).await;
    let network = node.network.clone();
    node.stopped().await;
    let _next = Node::start_at(&network, 1, Echo::default(), |server| server);
    let calls: Vec<_> = (0..6).map(|_| call(&client, "sleep 100")).collect();
    all(calls).await;
}
