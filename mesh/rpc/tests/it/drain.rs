//! The end of a server: everybody is told, nobody loses a call that could be answered, and it does end.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use echo::{ServerStreamRequest, UnaryRequest};
use futures_util::StreamExt as _;
use mesh_rpc::{Drained, Listener, Server, ServerConfig};
use tokio::{io::DuplexStream, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::support::{Echo, EchoClient, Network, Node, channel, reason};

fn say(text: &str) -> UnaryRequest {
    UnaryRequest { text: text.to_owned() }
}

/// Starts a call and returns once its handler has it.
async fn call(node: &Node, text: &str) -> tokio::task::JoinHandle<Result<String, tonic::Status>> {
    let came = node.echo.came.load(Ordering::Relaxed);
    let (mut client, request) = (node.client(), say(text));
    let call = tokio::spawn(async move { Ok(client.unary(request).await?.into_inner().text) });
    while node.echo.came.load(Ordering::Relaxed) == came {
        tokio::task::yield_now().await;
    }
    call
}

#[tokio::test(start_paused = true)]
async fn a_call_in_flight_finishes_and_a_new_connection_is_refused() {
    let node = Node::start(Echo::default());
    let call = call(&node, "sleep 3000").await;
    node.stop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let status = node.client().unary(say("too late")).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CONNECT_FAILED"));

    assert_eq!(node.stopped().await, Drained { finished: 1, cut: 0 });
    assert_eq!(call.await.unwrap().unwrap(), "sleep 3000");
}

#[tokio::test(start_paused = true)]
async fn watchers_are_told_and_then_ended_at_once() {
    let node = Node::start(Echo::default());
    let mut client = HealthClient::new(node.channel());
    let mut states = client.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(states.next().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let begun = Instant::now();
    assert_eq!(node.stopped().await, Drained { finished: 0, cut: 1 });
    assert_eq!(begun.elapsed().as_secs(), 0);
    assert_eq!(states.next().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let status = states.next().await.unwrap().unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "DRAINING"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_with_a_deadline_may_go_on_for_half_the_time() {
    let node = Node::start(Echo::default());
    let mut request = Request::new(ServerStreamRequest::default());
    request.set_timeout(Duration::from_secs(60));
    let mut answers = node.client().server_stream(request).await.unwrap().into_inner();
    answers.next().await.unwrap().unwrap();
    let begun = Instant::now();
    assert_eq!(node.stopped().await, Drained { finished: 0, cut: 1 });
    assert_eq!(begun.elapsed().as_secs(), 5);
    let rest: Vec<_> = answers.collect().await;
    let (last, before) = rest.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().code(), Code::Unavailable);
    assert!(before.len() >= 4, "{}", before.len());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_end_is_cut() {
    let node = Node::start(Echo::default());
    let call = call(&node, "hang").await;
    let dropped = Arc::clone(&node.echo.dropped);
    let begun = Instant::now();
    assert_eq!(node.stopped().await, Drained { finished: 0, cut: 1 });
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    let status = call.await.unwrap().unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CONNECTION_LOST"));
}

#[tokio::test(start_paused = true)]
async fn an_idle_server_stops_at_once() {
    let node = Node::start(Echo::default());
    node.client().unary(say("hello")).await.unwrap();
    // One connection that never says a word.
    let _silent = mesh_rpc::Connector::connect(&node.network, crate::support::address(1)).await.unwrap();
    let mut idle = node.client();
    idle.unary(say("hello")).await.unwrap();
    let begun = Instant::now();
    assert_eq!(node.stopped().await, Drained { finished: 0, cut: 0 });
    assert_eq!(begun.elapsed().as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lame_duck_still_accepts_but_says_that_it_should_not_be_called() {
    let lame_duck = Duration::from_secs(4);
    let node = Node::start_with(ServerConfig { lame_duck, ..ServerConfig::default() });
    node.stop();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let state = HealthClient::new(node.channel()).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(state.into_inner().status(), ServingStatus::NotServing);
    node.client().unary(say("hello")).await.unwrap();
    let begun = Instant::now();
    node.stopped().await;
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn new_calls_move_on_while_an_old_one_finishes() {
    let network = Network::default();
    let old = Node::start_at(&network, 1, Echo::named("old"), |server| server);
    let mut client = EchoClient::new(channel(&network, &[1]));
    let mut slow = client.clone();
    let slow = tokio::spawn(async move { slow.unary(say("sleep 3000")).await });
    while old.echo.came.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    old.stop();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _new = Node::start_at(&network, 1, Echo::named("new"), |server| server);
    // The old connection is still open and looks as good as ever; the call comes back from it unsent.
    assert_eq!(client.unary(say("name")).await.unwrap().into_inner().text, "new");
    slow.await.unwrap().unwrap();
    assert_eq!(old.stopped().await, Drained { finished: 1, cut: 0 });
}

#[tokio::test(start_paused = true)]
async fn no_call_is_lost_while_servers_are_replaced_one_by_one() {
    let network = Network::default();
    let mut nodes: Vec<_> =
        [1, 2].map(|port| Node::start_at(&network, port, Echo::default(), |server| server)).into();
    let shared = channel(&network, &[1, 2]);
    let calls: Vec<_> = (0..20)
        .map(|caller| {
            let mut client = EchoClient::new(shared.clone());
            // Out of step: while one call keeps an old connection open, others want a new one.
            let text = format!("sleep {}", 5 + caller);
            tokio::spawn(async move {
                for _ in 0..100 {
                    client.unary(say(&text)).await.unwrap();
                }
            })
        })
        .collect();
    for round in 0..6 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let port = 1 + round % 2;
        let old = nodes.remove(0);
        assert_eq!(old.stopped().await.cut, 0);
        nodes.push(Node::start_at(&network, port, Echo::default(), |server| server));
    }
    for call in calls {
        call.await.unwrap();
    }
    let came: u32 = nodes.iter().map(|node| node.echo.came.load(Ordering::Relaxed)).sum();
    assert!(came > 0, "the new servers were never called");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_was_closed_ends_the_server_with_an_error() {
    struct Closed;
    impl Listener for Closed {
        type Io = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }
    let server = Server::builder().build().unwrap();
    let error = server.serve(Closed, CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "the listener is closed");
}
