//! One deadline per call: over head and body, on both sides, from hop to hop.

use std::{io, net::SocketAddr, sync::atomic::Ordering, time::Duration};

use echo::{ClientStreamRequest, ServerStreamRequest, UnaryRequest};
use futures_util::{StreamExt as _, stream};
use mesh_rpc::{
    Channel, Connector, Target,
    deadline::{self, Deadline},
};
use tokio::{io::DuplexStream, time::Instant};
use tonic::{Code, Request};

use crate::support::{
    Echo, EchoClient, Network, Node, POLICIES, RETRIES, address, channel, post, reason, status_of,
};

fn within<T>(timeout: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(timeout);
    request
}

/// A network on which nobody answers for a name.
struct Nameless;

impl Connector for Nameless {
    type Io = DuplexStream;

    async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        std::future::pending().await
    }

    async fn connect(&self, _: SocketAddr) -> io::Result<DuplexStream> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn say(text: &str) -> UnaryRequest {
    UnaryRequest { text: text.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_and_its_handler_is_dropped() {
    let node = Node::start(Echo::default());
    let begun = Instant::now();
    let status = node.client().unary(within(Duration::from_secs(3), say("hang"))).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    assert_eq!(begun.elapsed().as_secs(), 3);
    tokio::task::yield_now().await;
    let dropped = std::sync::Arc::clone(&node.echo.dropped);
    node.stopped().await;
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

/// The server alone keeps the deadline: the client's own is much later.
async fn raw_call(node: &Node, path: &str, timeout: &'static str) -> tonic::Status {
    let response = post(&node.network, path, &[("grpc-timeout", timeout)]).await;
    status_of(response).await
}

#[tokio::test(start_paused = true)]
async fn the_server_answers_the_deadline_itself() {
    let node = Node::start(Echo::default());
    let begun = Instant::now();
    let status = raw_call(&node, "/echo.v1.EchoService/ClientStream", "3S").await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_at_its_deadline_in_the_middle() {
    let node = Node::start(Echo::default());
    let begun = Instant::now();
    let request = within(Duration::from_millis(3_500), ServerStreamRequest::default());
    let answers = node.client().server_stream(request).await.unwrap().into_inner();
    let answers: Vec<_> = answers.collect().await;
    let (last, before) = answers.split_last().unwrap();
    assert_eq!(last.as_ref().unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(before.iter().filter(|answer| answer.is_ok()).count(), 4);
    assert_eq!(begun.elapsed().as_secs(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_server_ends_a_stream_with_trailers() {
    let node = Node::start(Echo::default());
    let status = raw_call(&node, "/echo.v1.EchoService/ServerStream", "3500m").await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "DEADLINE_EXCEEDED"));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_reads_ends_too() {
    let node = Node::start(Echo::default());
    // More than any window holds, so that the sender waits for the reader.
    let messages = stream::repeat(ClientStreamRequest { text: "x".repeat(10_000) });
    let mut request = within(Duration::from_secs(3), messages);
    request.metadata_mut().insert("hang", "yes".parse().unwrap());
    let status = node.client().client_stream(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_ends_too() {
    let node = Node::start(Echo::default());
    let messages = stream::pending::<ClientStreamRequest>();
    let status = node.client().client_stream(within(Duration::from_secs(3), messages)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_shrinks_from_hop_to_hop() {
    let network = Network::default();
    let last = Node::start_at(&network, 1, Echo::default(), |server| server);
    let middle = Echo { next: Some(last.client()), ..Echo::default() };
    let middle = Node::start_at(&network, 2, middle, |server| server);
    let first = Echo { next: Some(middle.client()), ..Echo::default() };
    let first = Node::start_at(&network, 3, first, |server| server);

    let request = within(Duration::from_secs(5), say("relay relay deadline"));
    let left: u64 = first.client().unary(request).await.unwrap().into_inner().text.parse().unwrap();
    // Each of the two relays works for 100 ms first.
    assert!((4_790..=4_800).contains(&left), "{left} ms left of 5 s");

    let status = first.client().unary(within(Duration::from_secs(5), say("relay relay hang"))).await;
    assert_eq!(status.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_calls_on_passes_its_deadline_on() {
    let network = Network::default();
    let last = Node::start_at(&network, 1, Echo::default(), |server| server);
    let first = Echo { next: Some(last.client()), ..Echo::default() };
    let first = Node::start_at(&network, 2, first, |server| server);
    let request = ServerStreamRequest { count: 0, text: "relay".to_owned() };
    let answers = first.client().server_stream(within(Duration::from_secs(5), request)).await.unwrap();
    let second = answers.into_inner().take(2).collect::<Vec<_>>().await.pop().unwrap().unwrap();
    let left: u64 = second.text.parse().unwrap();
    // 100 ms for the first message, a second and 100 ms for the second one.
    assert!((3_790..=3_800).contains(&left), "{left} ms left of 5 s");
}

#[tokio::test(start_paused = true)]
async fn the_soonest_of_all_deadlines_holds() {
    let node = Node::start_at(&Network::default(), 1, Echo::default(), |server| server.policies(&POLICIES));
    let mut client = node.client();
    let left =
        async |client: &mut EchoClient, request| client.unary(request).await.unwrap().into_inner().text;
    // The contract's, which the server keeps even if the client asks for more, or for nothing.
    assert_eq!(left(&mut client, within(Duration::from_secs(9), say("deadline"))).await, "2000");
    assert_eq!(left(&mut client, Request::new(say("deadline"))).await, "2000");
    // The caller's own.
    assert_eq!(left(&mut client, within(Duration::from_secs(1), say("deadline"))).await, "1000");
    // That of the call this process is handling.
    let current = Deadline::after(Duration::from_millis(500)).unwrap();
    let text = deadline::scope(current, left(&mut client, Request::new(say("deadline")))).await;
    assert_eq!(text, "500");
}

#[tokio::test(start_paused = true)]
async fn the_client_keeps_what_the_contract_promises() {
    // The server knows no policy; the channel does.
    let node = Node::start(Echo::default());
    let target = Target::fixed([address(1)]);
    let channel = Channel::builder(target).connector(node.network.clone()).policies(&POLICIES).build();
    let mut client = EchoClient::new(channel.unwrap());
    let begun = Instant::now();
    let status = client.unary(say("hang")).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_wait_for_a_connection_is_within_the_deadline() {
    let network = Network::default();
    network.silence(1);
    let mut client = EchoClient::new(channel(&network, &[1]));
    let begun = Instant::now();
    let status = client.unary(within(Duration::from_secs(2), say("hello"))).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_sends_nothing() {
    let node = Node::start(Echo::default());
    let past = Deadline::at(Instant::now());
    let status = deadline::scope(past, node.client().unary(say("hello"))).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(node.network.attempts(1), 0);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_timeout_is_refused_and_harms_nobody() {
    let node = Node::start(Echo::default());
    for wrong in ["", "1", "S", "-1S", "1x", "123456789S", "1.5S", "99999999999999999999S", "١S"] {
        let headers = [("grpc-timeout", wrong)];
        let response = post(&node.network, "/echo.v1.EchoService/Unary", &headers).await;
        assert_eq!(response.status(), 400, "{wrong}");
        let status = status_of(response).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "MALFORMED_TIMEOUT"));
    }
    // The longest that can be written is beyond no clock.
    let status = raw_call(&node, "/echo.v1.EchoService/Absent", "99999999H").await;
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(node.echo.came.load(Ordering::Relaxed), 0);
}

/// What an error tells of where the time of its call went.
fn told(status: &tonic::Status) -> Vec<(String, String)> {
    let info = tonic_types::StatusExt::get_details_error_info(status).unwrap();
    let mut told: Vec<_> =
        info.metadata.into_iter().filter(|(key, _)| key != "layer" && key != "retry").collect();
    told.sort();
    told
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_deadline_says_where_the_time_went() {
    let node = Node::start(Echo::default());
    let mut client = node.client();
    let status = client.unary(within(Duration::from_secs(2), say("hang"))).await.unwrap_err();
    let answer = ("waited_for", "answer");
    let endpoint = ("endpoint", "10.0.0.1:1");
    let side = ("side", "client");
    assert_eq!(told(&status), pairs(&[("answer_ms", "2000"), ("attempts", "1"), endpoint, side, answer]));
    assert_eq!(
        status.message(),
        "the deadline passed before the call was over, while it waited for the answer of 10.0.0.1:1"
    );

    let request = within(Duration::from_millis(3_500), ServerStreamRequest::default());
    let answers = client.server_stream(request).await.unwrap().into_inner();
    let status = answers.collect::<Vec<_>>().await.pop().unwrap().unwrap_err();
    let body = ("waited_for", "body");
    assert_eq!(told(&status), pairs(&[("attempts", "1"), ("body_ms", "3500"), endpoint, side, body]));

    node.network.silence(2);
    let mut silent = EchoClient::new(channel(&node.network, &[2]));
    let status = silent.unary(within(Duration::from_secs(2), say("hello"))).await.unwrap_err();
    assert_eq!(told(&status), pairs(&[("connect_ms", "2000"), side, ("waited_for", "connect")]));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_says_what_went_into_a_name_and_into_waits_between_attempts() {
    // Nobody answers for a name.
    let channel = Channel::builder("dns:///echo:1".parse().unwrap()).connector(Nameless);
    let mut client = EchoClient::new(channel.build().unwrap());
    let status = client.unary(within(Duration::from_secs(2), say("hello"))).await.unwrap_err();
    assert_eq!(
        told(&status),
        pairs(&[("resolve_ms", "2000"), ("side", "client"), ("waited_for", "resolve")])
    );

    // The first attempt fails at once, the second one hangs.
    let node = Node::start(Echo::default());
    let channel = Channel::builder(Target::fixed([address(1)])).connector(node.network.clone());
    let channel = channel.policies(&RETRIES).seed(1).build().unwrap();
    let request = within(Duration::from_secs(1), say("first 14 500"));
    let status = EchoClient::new(channel).unary(request).await.unwrap_err();
    let told = told(&status);
    for expected in pairs(&[("answer_ms", "500"), ("backoff_ms", "500"), ("attempts", "2")]) {
        assert!(told.contains(&expected), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_says_what_went_into_the_wait_for_room() {
    let node = Node::start(Echo::default());
    let config = mesh_rpc::ChannelConfig { max_in_flight: 1, ..mesh_rpc::ChannelConfig::default() };
    let channel =
        Channel::builder(Target::fixed([address(1)])).connector(node.network.clone()).config(config);
    let mut client = EchoClient::new(channel.build().unwrap());
    let mut first = client.clone();
    let first = tokio::spawn(async move { first.unary(within(Duration::from_secs(1), say("hang"))).await });
    tokio::task::yield_now().await;
    let status = client.unary(within(Duration::from_millis(1_500), say("hang"))).await.unwrap_err();
    assert_eq!(first.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    let told = told(&status);
    for expected in pairs(&[("answer_ms", "500"), ("queue_ms", "1000"), ("waited_for", "answer")]) {
        assert!(told.contains(&expected), "{told:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_says_whether_it_waited_for_its_handler_or_its_caller() {
    let node = Node::start(Echo::default());
    let waited_for = async |path: &str, timeout| {
        let told = told(&raw_call(&node, path, timeout).await);
        told.into_iter().find(|(key, _)| key == "waited_for").unwrap().1
    };
    // A client stream hangs by a header of the raw client.
    assert_eq!(waited_for("/echo.v1.EchoService/ClientStream", "3S").await, "handler");
    assert_eq!(waited_for("/echo.v1.EchoService/ServerStream", "3S").await, "body");
}
