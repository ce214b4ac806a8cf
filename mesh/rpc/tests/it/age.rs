//! Connections that become old, or idle (gRFC A9).

use std::time::Duration;

use echo::UnaryRequest;
use mesh_rpc::{Channel, ChannelConfig, Connector as _, Drained, ServerConfig, Target};
use tokio::{io::AsyncWriteExt as _, time::Instant};
use tonic::{Code, Request};

use crate::support::{
    Echo, EchoClient, Network, Node, address,
    frames::{ACK, GOAWAY, PING, frame, greet, next, next_of},
    reason,
};

const SECOND: Duration = Duration::from_secs(1);

/// Neither age nor idleness ends a connection.
fn lasting() -> ServerConfig {
    ServerConfig {
        max_connection_age: None,
        max_connection_age_grace: None,
        max_connection_idle: None,
        ..ServerConfig::default()
    }
}

fn say(text: &str) -> Request<UnaryRequest> {
    Request::new(UnaryRequest { text: text.to_owned() })
}

#[tokio::test(start_paused = true)]
async fn a_rolling_age_loses_no_call() {
    let node = Node::start_with(ServerConfig { max_connection_age: Some(SECOND), ..lasting() });
    let channel = node.channel();
    let calls: Vec<_> = (0..20)
        .map(|caller| {
            let mut client = EchoClient::new(channel.clone());
            let text = format!("sleep {}", 5 + caller);
            tokio::spawn(async move {
                for _ in 0..1_000 {
                    client.unary(say(&text)).await.unwrap();
                }
            })
        })
        .collect();
    let begun = Instant::now();
    for call in calls {
        call.await.unwrap();
    }
    let (connections, seconds) = (node.network.attempts(1), begun.elapsed().as_secs());
    assert!(seconds >= 20, "{seconds}");
    assert!(connections >= 15, "{connections} connections in {seconds} s");
    assert_eq!(node.stopped().await, Drained { finished: 0, cut: 0 });
}

#[tokio::test(start_paused = true)]
async fn goaway_is_said_twice_first_of_what_is_on_its_way_and_then_of_what_has_come() {
    let node = Node::start_with(ServerConfig { max_connection_age: Some(SECOND), ..lasting() });
    let mut io = node.network.connect(address(1)).await.unwrap();
    greet(&mut io).await;
    let first = next_of(&mut io, GOAWAY).await.unwrap();
    assert_eq!(first.goaway(), (0x7fff_ffff, 0), "any stream may still come");
    let ping = next_of(&mut io, PING).await.unwrap();
    io.write_all(&frame(PING, ACK, 0, &ping.payload)).await.unwrap();
    let second = next_of(&mut io, GOAWAY).await.unwrap();
    assert_eq!(second.goaway(), (0, 0), "none has come");
    assert_eq!(next(&mut io).await, None);
}

/// When each of ten connections is told to go, in milliseconds.
async fn ages(seed: u64) -> Vec<u64> {
    let network = Network::default();
    let config = ServerConfig { max_connection_age: Some(20 * SECOND), ..lasting() };
    let _node = Node::start_at(&network, 1, Echo::default(), |server| server.config(config).seed(seed));
    let begun = Instant::now();
    let mut ages = Vec::new();
    for _ in 0..10 {
        let mut io = network.connect(address(1)).await.unwrap();
        let connected = begun.elapsed();
        greet(&mut io).await;
        next_of(&mut io, GOAWAY).await.unwrap();
        ages.push(u64::try_from((begun.elapsed() - connected).as_millis()).unwrap());
    }
    ages
}

#[tokio::test(start_paused = true)]
async fn connections_become_differently_old_by_a_seed() {
    let first = ages(1).await;
    // A quarter of the age later at most: so often it is looked at.
    assert!(first.iter().all(|age| (18_000..=27_500).contains(age)), "{first:?}");
    assert!(first.iter().max() > first.iter().min(), "{first:?}");
    assert_eq!(first, ages(1).await);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_the_grace_is_cut() {
    let config = ServerConfig {
        max_connection_age: Some(SECOND),
        max_connection_age_grace: Some(3 * SECOND),
        ..lasting()
    };
    let node = Node::start_with(config);
    let begun = Instant::now();
    // This one does not.
    let (mut one, mut other) = (node.client(), node.client());
    let (finished, cut) = tokio::join!(one.unary(say("sleep 2500")), other.unary(say("hang")));
    assert_eq!(finished.unwrap().into_inner().text, "sleep 2500");
    let cut = cut.unwrap_err();
    assert_eq!((cut.code(), reason(&cut).as_str()), (Code::Unavailable, "CONNECTION_LOST"));
    assert!((3..=6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert_eq!(node.echo.dropped.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_given_up_and_one_with_a_call_is_not() {
    let config = ServerConfig { max_connection_idle: Some(10 * SECOND), ..lasting() };
    let node = Node::start_with(config);
    let (mut idle, mut busy) = (node.client(), node.client());
    idle.unary(say("hello")).await.unwrap();
    busy.unary(say("sleep 60000")).await.unwrap();
    assert_eq!(node.network.attempts(1), 2);
    busy.unary(say("hello")).await.unwrap();
    assert_eq!(node.network.attempts(1), 2, "a call is not idleness");
    // And who comes back connects anew, and loses nothing.
    idle.unary(say("hello")).await.unwrap();
    assert_eq!(node.network.attempts(1), 3);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_asked_for_its_health_alone_is_idle() {
    let config = ServerConfig { max_connection_idle: Some(10 * SECOND), ..lasting() };
    let node = Node::start_with(config);
    let pinging =
        ChannelConfig { keepalive_interval: SECOND, keepalive_timeout: SECOND, ..ChannelConfig::default() };
    let channel =
        Channel::builder(Target::fixed([address(1)])).connector(node.network.clone()).config(pinging);
    let mut client = EchoClient::new(channel.build().unwrap());
    client.unary(say("hello")).await.unwrap();
    tokio::time::sleep(20 * SECOND).await;
    client.unary(say("hello")).await.unwrap();
    assert_eq!(node.network.attempts(1), 2, "a PING is no call");
}
