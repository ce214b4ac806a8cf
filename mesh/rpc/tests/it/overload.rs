//! Too much to do: who is turned away, what callers are told, and what they make of it.

use std::{sync::atomic::Ordering, time::Duration};

use echo::{ServerStreamRequest, UnaryRequest};
use mesh_policy::{Codes, Criticality, Idempotency, MethodPolicy, PolicyTable, RetryPolicy};
use mesh_rpc::{
    AdaptiveThrottleConfig, Channel, ChannelConfig, LoadShedConfig, Server, ServerConfig, Target, criticality,
};
use tokio::task::JoinHandle;
use tonic::{Code, Request, Status};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

use crate::support::{Echo, EchoClient, Network, Node, address, reason};

/// A critical method, which may be repeated when it is unavailable or refused for want of anything, and a
/// subscription.
static CONTRACT: PolicyTable = PolicyTable::new(&[
    MethodPolicy {
        path: "/echo.v1.EchoService/ServerStream",
        deadline: None,
        retry: None,
        server_streaming: true,
        ..UNARY
    },
    UNARY,
]);

const UNARY: MethodPolicy = MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
    idempotency: Idempotency::Idempotent,
    deadline: Some(Duration::from_secs(20)),
    retry: Some(RetryPolicy {
        max_attempts: 3,
        initial_backoff: Duration::from_millis(10),
        max_backoff: Duration::from_secs(1),
        backoff_multiplier: 2.0,
        retryable_codes: Codes::NONE.with(14).with(8),
    }),
    hedge: None,
    criticality: Criticality::Critical,
    rate_limit: None,
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
};

/// The same method, as an ordinary one.
static ORDINARY: PolicyTable =
    PolicyTable::new(&[MethodPolicy { criticality: Criticality::Default, ..UNARY }]);

/// A server that works on so many calls at once, whatever they take.
fn server(network: &Network, port: u16, limit: u32, echo: Echo, contract: &'static PolicyTable) -> Node {
    let load_shed = LoadShedConfig {
        initial_limit: limit,
        min_limit: limit,
        max_limit: limit,
        ..LoadShedConfig::default()
    };
    let config = ServerConfig { load_shed, ..ServerConfig::default() };
    Node::start_at(network, port, echo, |server| server.config(config).policies(contract))
}

fn channel(network: &Network, port: u16, throttled: bool) -> Channel {
    let adaptive_throttle =
        AdaptiveThrottleConfig { enabled: throttled, ..AdaptiveThrottleConfig::default() };
    let config = ChannelConfig { adaptive_throttle, ..ChannelConfig::default() };
    let channel = Channel::builder(Target::fixed([address(port)])).connector(network.clone());
    channel.policies(&CONTRACT).config(config).seed(1).build().unwrap()
}

fn client(network: &Network, port: u16) -> EchoClient {
    EchoClient::new(channel(network, port, false))
}

async fn say(client: &EchoClient, text: &str) -> Result<String, Status> {
    let request = UnaryRequest { text: text.to_owned() };
    Ok(client.clone().unary(request).await?.into_inner().text)
}

/// Makes a call that never ends, in this class.
async fn occupy(node: &Node, client: &EchoClient, class: Criticality) -> JoinHandle<Result<String, Status>> {
    let before = node.echo.came.load(Ordering::Relaxed);
    let client = client.clone();
    let call = tokio::spawn(criticality::scope(class, async move { say(&client, "hang").await }));
    while node.echo.came.load(Ordering::Relaxed) == before && !call.is_finished() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    call
}

/// How many more calls of a class fit.
async fn fill(node: &Node, client: &EchoClient, class: Criticality) -> usize {
    let mut calls = 0;
    while !occupy(node, client, class).await.is_finished() {
        calls += 1;
    }
    calls
}

#[tokio::test(start_paused = true)]
async fn the_lowest_class_is_turned_away_first_and_health_never() {
    let network = Network::default();
    let node = server(&network, 1, 20, Echo::default(), &CONTRACT);
    let client = client(&network, 1);
    assert_eq!(fill(&node, &client, Criticality::Sheddable).await, 12);
    assert_eq!(fill(&node, &client, Criticality::Default).await, 3);
    assert_eq!(fill(&node, &client, Criticality::Critical).await, 5);
    assert_eq!((node.load.in_flight(), node.load.limit()), (20, 20));
    // None of those that were turned away has reached the handler.
    assert_eq!(node.echo.came.load(Ordering::Relaxed), 20);
    let status = say(&client, "hello").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "LOAD_SHED"));
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "-1");
    let mut health = HealthClient::new(channel(&network, 1, true));
    health.check(HealthCheckRequest::default()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_turned_away_makes_room_for_the_next_when_one_ends() {
    let network = Network::default();
    let node = server(&network, 1, 1, Echo::default(), &CONTRACT);
    let client = client(&network, 1);
    let occupied = occupy(&node, &client, Criticality::Critical).await;
    say(&client, "hello").await.unwrap_err();
    occupied.abort();
    while node.load.in_flight() > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(say(&client, "hello").await.unwrap(), "hello");
}

/// Even where a contract calls RESOURCE_EXHAUSTED worth another attempt.
#[tokio::test(start_paused = true)]
async fn much_that_is_too_much_is_not_tried_again_and_a_little_is_once_there_is_room() {
    let network = Network::default();
    let node = server(&network, 1, 10, Echo::default(), &CONTRACT);
    let client = client(&network, 1);
    let mut calls = Vec::new();
    for _ in 0..10 {
        calls.push(occupy(&node, &client, Criticality::Critical).await);
    }
    // The first of ten: it may come again in 100 ms, and then there is room.
    let brief = say(&client, "hello");
    let end = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        calls.pop().unwrap().abort();
    };
    let (answer, ()) = tokio::join!(brief, end);
    assert_eq!(answer.unwrap(), "hello");
    assert_eq!(node.load.shed(Criticality::Critical), 1);
    calls.push(occupy(&node, &client, Criticality::Critical).await);
    for n in 2..=5 {
        say(&client, "hello").await.unwrap_err();
        assert_eq!(node.load.shed(Criticality::Critical), n, "one attempt each");
    }
}

#[tokio::test(start_paused = true)]
async fn do_not_retry_climbs_two_hops() {
    let network = Network::default();
    let last = server(&network, 1, 1, Echo::default(), &CONTRACT);
    let next = |port| Some(client(&network, port));
    let middle = server(&network, 2, 99, Echo { next: next(1), ..Echo::default() }, &CONTRACT);
    let first = server(&network, 3, 99, Echo { next: next(2), ..Echo::default() }, &CONTRACT);
    let _occupied = occupy(&last, &client(&network, 1), Criticality::Critical).await;
    // Whether handlers pass on what they got, or say UNAVAILABLE, which their contract calls worth another attempt.
    for (n, text) in (1..).zip(["relay relay hello", "wrap wrap hello"]) {
        say(&client(&network, 3), text).await.unwrap_err();
        assert_eq!(last.load.shed(Criticality::Critical), n);
        let came = [&middle, &first].map(|node| node.echo.came.load(Ordering::Relaxed));
        assert_eq!(came.map(u64::from), [n, n], "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_class_climbs_down_and_never_up() {
    let network = Network::default();
    let _last = server(&network, 1, 99, Echo::default(), &CONTRACT);
    let echo = Echo { next: Some(client(&network, 1)), ..Echo::default() };
    let _middle = server(&network, 2, 99, echo, &CONTRACT);
    let _ordinary = server(&network, 3, 99, Echo::default(), &ORDINARY);
    let said = async |port, text: &str, class: Option<&'static str>| {
        let mut request = Request::new(UnaryRequest { text: text.to_owned() });
        if let Some(class) = class {
            request.metadata_mut().insert("mesh-criticality", class.parse().unwrap());
        }
        client(&network, port).unary(request).await.unwrap().into_inner().text
    };
    assert_eq!(said(1, "class", None).await, "Critical", "as the contract says");
    assert_eq!(said(1, "class", Some("default")).await, "Default");
    assert_eq!(said(1, "class", Some("nonsense")).await, "Critical");
    // The call that is made for a call has its class, though its own contract says more.
    for (class, name) in [("sheddable", "Sheddable"), ("default", "Default"), ("critical", "Critical")] {
        assert_eq!(said(2, "relay class", Some(class)).await, name);
    }
    // The server's contract says less than the caller's, and the caller's header says more.
    assert_eq!(said(3, "class", None).await, "Default");
    assert_eq!(said(3, "class", Some("critical")).await, "Default");
    let scoped = criticality::scope(Criticality::Sheddable, said(1, "class", Some("default"))).await;
    assert_eq!(scoped, "Sheddable");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_no_work_while_it_waits() {
    let network = Network::default();
    let node = server(&network, 1, 1, Echo::default(), &CONTRACT);
    let client = client(&network, 1);
    let request = ServerStreamRequest { count: 0, text: "x".to_owned() };
    let mut messages = client.clone().server_stream(request.clone()).await.unwrap().into_inner();
    let _more = client.clone().server_stream(request).await.unwrap().into_inner();
    assert_eq!(node.load.in_flight(), 0);
    assert_eq!(say(&client, "hello").await.unwrap(), "hello");
    messages.message().await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_channel_stops_asking_a_server_that_turns_most_away_and_asks_again() {
    let network = Network::default();
    let node = server(&network, 1, 1, Echo::default(), &CONTRACT);
    let client = EchoClient::new(channel(&network, 1, true));
    let occupied = occupy(&node, &client, Criticality::Critical).await;
    let mut reasons = Vec::new();
    for _ in 0..200 {
        let status = say(&client, "hello").await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "-1");
        reasons.push(reason(&status));
    }
    let throttled = reasons.iter().filter(|reason| *reason == "CLIENT_THROTTLED").count();
    assert!(throttled >= 120, "{throttled}");
    assert!(reasons[190..].iter().any(|reason| reason == "CLIENT_THROTTLED"));
    // Those that were not sent have cost the server nothing.
    assert_eq!(node.load.shed(Criticality::Critical), 200 - throttled as u64);
    occupied.abort();
    tokio::time::sleep(Duration::from_secs(4)).await;
    for _ in 0..50 {
        assert_eq!(say(&client, "hello").await.unwrap(), "hello");
    }
}

#[test]
fn bounds_that_cannot_work_are_refused() {
    let build = |load_shed| {
        let config = ServerConfig { load_shed, ..ServerConfig::default() };
        Server::builder().config(config).build().map(drop).map_err(|error| error.to_string())
    };
    let limits = |min_limit, initial_limit, max_limit| {
        build(LoadShedConfig { min_limit, initial_limit, max_limit, ..LoadShedConfig::default() })
    };
    assert!(limits(0, 1, 2).unwrap_err().contains("min_limit must be at least 1"));
    assert!(limits(2, 1, 2).unwrap_err().contains("must not descend"));
    assert!(limits(1, 3, 2).unwrap_err().contains("must not descend"));
    assert_eq!(limits(1, 1, 1), Ok(()));
    let channel = |ratio, window| {
        let adaptive_throttle = AdaptiveThrottleConfig { ratio, window, ..AdaptiveThrottleConfig::default() };
        let config = ChannelConfig { adaptive_throttle, ..ChannelConfig::default() };
        let channel = Channel::builder(Target::fixed([address(1)])).config(config);
        channel.build().map(drop).map_err(|error| error.to_string())
    };
    let second = Duration::from_secs(1);
    for wrong in [0.9, f64::NAN, f64::INFINITY] {
        assert!(channel(wrong, second).unwrap_err().contains("adaptive_throttle.ratio"));
    }
    assert!(channel(2.0, Duration::ZERO).unwrap_err().contains("adaptive_throttle.window"));
    assert_eq!(channel(1.0, second), Ok(()));
}
