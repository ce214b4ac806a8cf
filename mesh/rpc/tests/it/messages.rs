//! The size of messages, and their compression.

use std::{io::Write as _, time::Duration};

use bytes::Bytes;
use echo::{BidiStreamRequest, ServerStreamRequest, UnaryRequest};
use flate2::{Compression, write::GzEncoder};
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::Incoming;
use mesh_rpc::{Channel, ChannelConfig, CompressionConfig, Encoding, ServerConfig, Target};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;

use crate::support::{Echo, EchoClient, Node, address, message, reason, send, send_body, status_of};

const UNARY: &str = "http://10.0.0.1:1/echo.v1.EchoService/Unary";

fn say(text: &str) -> UnaryRequest {
    UnaryRequest { text: text.to_owned() }
}

fn connect(node: &Node, config: ChannelConfig) -> EchoClient {
    let channel =
        Channel::builder(Target::fixed([address(1)])).connector(node.network.clone()).config(config);
    EchoClient::new(channel.seed(1).build().unwrap())
}

fn told(status: &Status, key: &str) -> String {
    status.get_details_error_info().unwrap().metadata.get(key).cloned().unwrap_or_default()
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A message that says how long it is, and nothing else.
fn prefix(flag: u8, length: u32) -> Vec<u8> {
    [&[flag], length.to_be_bytes().as_slice()].concat()
}

async fn unary(node: &Node, headers: &[(&str, &str)], body: Vec<u8>) -> Response<Incoming> {
    let mut request = Request::post(UNARY).header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(&node.network, request.body(Full::new(body.into())).unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_too_large_is_refused_by_its_prefix_and_nothing_of_it_is_awaited() {
    let node = Node::start(Echo::default());
    let begun = Instant::now();
    let first = stream::iter([Ok::<_, Status>(Frame::data(Bytes::from(prefix(0, 5 << 20))))]);
    let body = Body::new(StreamBody::new(first.chain(stream::pending())));
    let request = Request::post(UNARY).header("content-type", "application/grpc").body(body).unwrap();
    let status = status_of(send_body(&node.network, request).await).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    let told = ["side", "size", "limit", "retry"].map(|key| told(&status, key));
    assert_eq!(told, ["server", "5242880", "4194304", "never"]);
    assert!(begun.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_message_of_the_largest_size_passes_and_one_byte_more_does_not() {
    let config = ServerConfig { max_request_bytes: 1_000, ..ServerConfig::default() };
    let node = Node::start_with(config);
    let mut client = node.client();
    // Tag, length of two bytes, text.
    client.unary(say(&"x".repeat(997))).await.unwrap();
    let status = client.unary(say(&"x".repeat(998))).await.unwrap_err();
    assert_eq!((status.code(), told(&status, "size").as_str()), (Code::ResourceExhausted, "1001"));
    // The connection is as good as before.
    client.unary(say("hello")).await.unwrap();
    let messages = ["small".to_owned(), "x".repeat(2_000)].map(|text| BidiStreamRequest { text });
    let messages = stream::iter(messages).then(async |message| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        message
    });
    let answers = client.bidi_stream(Box::pin(messages)).await.unwrap().into_inner();
    let answers: Vec<_> = answers.collect().await;
    assert_eq!(answers[0].as_ref().unwrap().text, "small");
    assert_eq!(answers[1].as_ref().unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(node.network.attempts(1), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_too_large_ends_its_call_and_nothing_is_said_against_its_server() {
    let node = Node::start(Echo::default());
    let mut client = connect(&node, ChannelConfig { max_response_bytes: 1_000, ..ChannelConfig::default() });
    client.unary(say("long 997")).await.unwrap();
    // More often than any breaker would stand it.
    for _ in 0..20 {
        let status = client.unary(say("long 998")).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
        assert_eq!(["side", "size", "limit"].map(|key| told(&status, key)), ["client", "1001", "1000"]);
    }
    let request = ServerStreamRequest { count: 2, text: "long 2000".to_owned() };
    let status = client.server_stream(request).await.unwrap().into_inner().next().await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(client.unary(say("hello")).await.unwrap().into_inner().text, "hello");
    assert_eq!(node.network.attempts(1), 1);
}

#[tokio::test(start_paused = true)]
async fn both_ends_compress_what_is_large_and_understand_each_other() {
    let both = [None, Some(Encoding::Gzip), Some(Encoding::Zstd)];
    for (server, client) in both.into_iter().flat_map(|server| both.map(|client| (server, client))) {
        let config = |encoding| CompressionConfig { encoding: Some(encoding), min_bytes: 100 };
        let node =
            Node::start_with(ServerConfig { compression: server.map(config), ..ServerConfig::default() });
        let mut client =
            connect(&node, ChannelConfig { compression: client.map(config), ..ChannelConfig::default() });
        for length in [1, 95, 200, 100_000] {
            let text = "x".repeat(length);
            assert_eq!(client.unary(say(&text)).await.unwrap().into_inner().text, text);
            let messages = stream::iter([1, 2, 3])
                .map(move |times| BidiStreamRequest { text: "y".repeat(length * times) });
            let answers = client.bidi_stream(messages).await.unwrap().into_inner();
            let lengths: Vec<_> = answers.map(|answer| answer.unwrap().text.len()).collect().await;
            assert_eq!(lengths, [length, 2 * length, 3 * length]);
        }
        let status = client.unary(say("fail 5")).await.unwrap_err();
        assert_eq!(status.code(), Code::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_compressed_with_what_its_caller_accepts_and_only_if_it_is_large() {
    let compression = Some(CompressionConfig { encoding: Some(Encoding::Zstd), min_bytes: 100 });
    let node = Node::start_with(ServerConfig { compression, ..ServerConfig::default() });
    for (accepts, length, expected) in [
        ("gzip, zstd", 1_000, Some(("zstd", 1))),
        ("identity, gzip", 1_000, Some(("gzip", 1))),
        ("gzip", 10, Some(("gzip", 0))),
        ("deflate", 1_000, None),
        ("", 1_000, None),
    ] {
        let text = "x".repeat(length);
        let response = unary(&node, &[("grpc-accept-encoding", accepts)], message(0, text.as_bytes())).await;
        let encoding = response.headers().get("grpc-encoding").map(|name| name.to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(encoding.as_deref(), expected.map(|(name, _)| name), "{accepts}");
        let flag = expected.map_or(0, |(_, flag)| flag);
        assert_eq!((body[0], body.len() < 100), (flag, flag == 1 || length < 100), "{accepts}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_compressed_request_of_another_client_is_understood() {
    let node = Node::start(Echo::default());
    let packed = gzip(&message(0, b"hello")[5..]);
    let body = [prefix(1, u32::try_from(packed.len()).unwrap()), packed].concat();
    let response = unary(&node, &[("grpc-encoding", "gzip")], body).await;
    let body = response.into_body().collect().await.unwrap();
    assert_eq!(body.trailers().unwrap()["grpc-status"], "0");
    assert_eq!(body.to_bytes(), message(0, b"hello"));
}

#[tokio::test(start_paused = true)]
async fn what_is_compressed_in_no_way_that_is_known_is_unimplemented_and_told_what_is() {
    let node = Node::start(Echo::default());
    for encoding in ["br", "deflate", "snappy"] {
        let response = unary(&node, &[("grpc-encoding", encoding)], message(0, b"hello")).await;
        assert_eq!(response.headers()["grpc-accept-encoding"], "zstd,gzip,identity");
        let status = status_of(response).await;
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unimplemented, "UNKNOWN_ENCODING"));
        assert_eq!(told(&status, "encoding"), encoding);
    }
    assert_eq!(node.echo.came.load(std::sync::atomic::Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_none_is_internal() {
    let node = Node::start(Echo::default());
    let gzip = [("grpc-encoding", "gzip")];
    for (headers, body) in [
        ([].as_slice(), message(1, b"compressed, and nobody says how")),
        (&[("grpc-encoding", "identity")], message(1, b"compressed, and nobody says how")),
        (&[], message(7, b"no flag")),
        (&gzip, message(1, b"no gzip")),
        (&gzip, prefix(1, 100)),
    ] {
        let status = status_of(unary(&node, headers, body).await).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Internal, "BROKEN_MESSAGE"),
            "{headers:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_bomb_is_refused_before_it_is_unfolded() {
    let node = Node::start(Echo::default());
    let packed = gzip(&vec![0; 32 << 20]);
    assert!(packed.len() < 100_000);
    let body = [prefix(1, u32::try_from(packed.len()).unwrap()), packed].concat();
    let status = status_of(unary(&node, &[("grpc-encoding", "gzip")], body).await).await;
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    assert_eq!(told(&status, "limit"), "4194304");
}
