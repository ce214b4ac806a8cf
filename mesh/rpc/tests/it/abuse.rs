//! Peers that keep a server busy, or waiting, for nothing.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body::Frame;
use http_body_util::StreamBody;
use mesh_rpc::{Connector as _, Drained, ServerConfig};
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream},
    time::{Instant, sleep},
};
use tonic::{Code, Status, body::Body};

use crate::support::{
    Echo, Network, Node, POLICIES, address,
    frames::{
        CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, frame, greet, head,
        hello, next_of,
    },
    message, reason, send_body, status_of,
};

const UNARY: &str = "/echo.v1.EchoService/Unary";
const ENHANCE_YOUR_CALM: u32 = 11;

async fn connect(network: &Network) -> DuplexStream {
    let mut io = network.connect(address(1)).await.unwrap();
    greet(&mut io).await;
    io
}

/// Writes a byte a second, until nobody reads any more.
async fn dribble(io: &mut DuplexStream, bytes: &[u8]) -> Duration {
    let begun = Instant::now();
    for byte in bytes {
        if io.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn headers_that_dribble_lose_the_connection() {
    let node = Node::start(Echo::default());
    let block = head(UNARY);
    let whole = frame(HEADERS, END_HEADERS, 1, &block);
    // In one frame, and in a frame a byte.
    let split = std::iter::once(frame(HEADERS, 0, 1, &block[..1]))
        .chain(block[1..].iter().map(|byte| frame(CONTINUATION, 0, 1, &[*byte])));
    let mut io = connect(&node.network).await;
    let took = dribble(&mut io, &whole).await;
    assert!((9..=13).contains(&took.as_secs()), "{took:?}");
    let mut io = connect(&node.network).await;
    let begun = Instant::now();
    for part in split {
        if io.write_all(&part).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(3)).await;
    }
    assert!((9..=15).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    node.client().unary(echo::UnaryRequest { text: "hello".to_owned() }).await.unwrap();
    assert_eq!(node.stopped().await, Drained { finished: 0, cut: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_only_says_hello_is_no_frame_under_way() {
    let node = Node::start(Echo::default());
    let mut io = node.network.connect(address(1)).await.unwrap();
    io.write_all(&hello()).await.unwrap();
    sleep(Duration::from_secs(25)).await;
    assert!(io.write_all(&frame(PING, 0, 0, &[0; 8])).await.is_ok());
}

/// A unary call whose body begins, and does not go on.
async fn stalled(node: &Node, headers: &[(&str, &str)], begins: &[u8]) -> (Status, u64) {
    let begun = Instant::now();
    let first: Vec<_> = (!begins.is_empty())
        .then(|| Ok::<_, Status>(Frame::data(Bytes::copy_from_slice(begins))))
        .into_iter()
        .collect();
    let body = Body::new(StreamBody::new(stream::iter(first).chain(stream::pending())));
    let mut request =
        Request::post(format!("http://10.0.0.1:1{UNARY}")).header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let status = status_of(send_body(&node.network, request.body(body).unwrap()).await).await;
    (status, begun.elapsed().as_secs())
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stands_still_is_waited_for_no_longer_than_its_call_or_a_minute() {
    let node = Node::start(Echo::default());
    let half = &message(0, b"hello")[..8];
    let (status, seconds) = stalled(&node, &[], half).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::DeadlineExceeded, "REQUEST_STALLED"));
    assert_eq!(seconds, 60);
    let (status, seconds) = stalled(&node, &[("grpc-timeout", "90S")], half).await;
    assert_eq!((reason(&status).as_str(), seconds), ("DEADLINE_EXCEEDED", 90));
    let (status, seconds) = stalled(&node, &[("grpc-timeout", "3S")], half).await;
    assert_eq!((reason(&status).as_str(), seconds), ("DEADLINE_EXCEEDED", 3));
}

#[tokio::test(start_paused = true)]
async fn the_one_message_of_a_unary_call_is_due_from_its_beginning() {
    // The contract says that it is one, and that it has two seconds; the server's own bound is sooner.
    let config = ServerConfig { stall_timeout: Duration::from_secs(1), ..ServerConfig::default() };
    static ENDLESS: mesh_policy::PolicyTable =
        mesh_policy::PolicyTable::new(&[crate::support::ENDLESS_UNARY]);
    let node = Node::start_at(&Network::default(), 1, Echo::default(), |server| {
        server.config(config.clone()).policies(&ENDLESS)
    });
    let (status, seconds) = stalled(&node, &[], &[]).await;
    assert_eq!((reason(&status).as_str(), seconds), ("REQUEST_STALLED", 1));
    let node = Node::start_at(&Network::default(), 1, Echo::default(), |server| {
        server.config(config).policies(&POLICIES)
    });
    let (status, seconds) = stalled(&node, &[], &[]).await;
    assert_eq!((reason(&status).as_str(), seconds), ("DEADLINE_EXCEEDED", 2));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_comes_slowly_comes() {
    let node = Node::start(Echo::default());
    let pieces: Vec<Bytes> = message(0, b"hello").into_iter().map(|byte| vec![byte].into()).collect();
    let body = stream::iter(pieces).then(async |piece| {
        sleep(Duration::from_secs(30)).await;
        Ok::<_, Status>(Frame::data(piece))
    });
    let request =
        Request::post(format!("http://10.0.0.1:1{UNARY}")).header("content-type", "application/grpc");
    let request = request.body(Body::new(StreamBody::new(Box::pin(body)))).unwrap();
    let status = status_of(send_body(&node.network, request).await).await;
    assert_eq!(status.code(), Code::Ok);
}

#[tokio::test(start_paused = true)]
async fn pings_that_never_end_lose_the_connection() {
    let node = Node::start(Echo::default());
    let mut io = connect(&node.network).await;
    // As often as any keepalive.
    for _ in 0..10 {
        io.write_all(&frame(PING, 0, 0, &[0; 8])).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    for _ in 0..3 {
        io.write_all(&frame(PING, 0, 0, &[0; 8])).await.unwrap();
    }
    sleep(Duration::from_millis(1)).await;
    io.write_all(&frame(PING, 0, 0, &[0; 8])).await.unwrap();
    let goaway = next_of(&mut io, GOAWAY).await.unwrap();
    assert_eq!(goaway.goaway().1, ENHANCE_YOUR_CALM);
    assert_eq!(next_of(&mut io, GOAWAY).await, None);
}

/// Calls that are opened and reset in one breath (CVE-2023-44487).
fn resets(count: u32) -> Vec<u8> {
    let block = head(UNARY);
    let one = |index| {
        let stream = 2 * index + 1;
        [frame(HEADERS, END_HEADERS, stream, &block), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    (0..count).flat_map(one).collect()
}

#[tokio::test(start_paused = true)]
async fn rapid_resets_lose_the_connection() {
    let node = Node::start_with(ServerConfig { max_rapid_resets: 50, ..ServerConfig::default() });
    let mut io = connect(&node.network).await;
    io.write_all(&resets(51)).await.unwrap();
    let goaway = next_of(&mut io, GOAWAY).await.unwrap();
    assert_eq!(goaway.goaway().1, ENHANCE_YOUR_CALM);
    assert_eq!(goaway.payload[8..], *b"too_many_resets");
    // No handler has worked for any of them.
    assert_eq!(node.echo.came.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn as_many_resets_as_may_be_harm_nobody() {
    let node = Node::start_with(ServerConfig { max_rapid_resets: 50, ..ServerConfig::default() });
    let mut io = connect(&node.network).await;
    io.write_all(&resets(50)).await.unwrap();
    let block = head(UNARY);
    io.write_all(&frame(HEADERS, END_HEADERS, 101, &block)).await.unwrap();
    io.write_all(&frame(DATA, END_STREAM, 101, &message(0, b"hello"))).await.unwrap();
    assert_eq!(next_of(&mut io, DATA).await.unwrap().payload, message(0, b"hello"));
}
