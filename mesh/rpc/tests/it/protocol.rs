//! What is not gRPC, or not served here, as a client without our stack sees it.

use std::time::Duration;

use echo::UnaryRequest;
use http::Request;
use mesh_rpc::Connector as _;
use tokio::{io::AsyncWriteExt as _, time::timeout};
use tonic::Code;

use crate::support::{
    Echo, Node, address,
    frames::{
        CONTINUATION, DATA, END_HEADERS, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, frame, greet, head,
        next_of,
    },
    post, reason, send, status_of,
};

#[tokio::test(start_paused = true)]
async fn an_unknown_service_is_unimplemented_and_says_which() {
    let node = Node::start(Echo::default());
    for path in ["/echo.v1.AbsentService/Absent", "/", "/x", "//", "/echo.v1.EchoService"] {
        let response = post(&node.network, path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        let status = status_of(response).await;
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unimplemented, "UNKNOWN_SERVICE"),
            "{path}"
        );
    }
    let mut absent = echo::absent_service_client::AbsentServiceClient::new(node.channel());
    let status = absent.absent(echo::AbsentRequest {}).await.unwrap_err();
    assert_eq!(status.message(), "this server has no service echo.v1.AbsentService");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_unimplemented() {
    let node = Node::start(Echo::default());
    let response = post(&node.network, "/echo.v1.EchoService/Absent", &[]).await;
    assert_eq!(status_of(response).await.code(), Code::Unimplemented);
}

#[tokio::test(start_paused = true)]
async fn another_content_type_is_no_grpc() {
    let node = Node::start(Echo::default());
    for kind in ["application/json", "application/grpc-web", "text/plain"] {
        let request =
            Request::post("http://10.0.0.1:1/echo.v1.EchoService/Unary").header("content-type", kind);
        let response = send(&node.network, request.body(Default::default()).unwrap()).await;
        assert_eq!(response.status(), 415, "{kind}");
        assert!(!response.headers().contains_key("grpc-status"));
    }
}

#[tokio::test(start_paused = true)]
async fn another_method_is_not_allowed() {
    let node = Node::start(Echo::default());
    let request = Request::get("http://10.0.0.1:1/echo.v1.EchoService/Unary")
        .header("content-type", "application/grpc");
    let response = send(&node.network, request.body(Default::default()).unwrap()).await;
    assert_eq!((response.status().as_u16(), &response.headers()["allow"]), (405, &"POST".parse().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn headers_that_are_too_large_are_too_large_and_harm_nobody() {
    let node = Node::start(Echo::default());
    for large in ["x".repeat(17_000), "x".repeat(60_000)] {
        let response = post(&node.network, "/echo.v1.EchoService/Unary", &[("large", &large)]).await;
        assert_eq!(response.status(), 431);
    }
    // And a caller of ours, on the connection that it keeps.
    let mut client = node.client();
    let mut request = tonic::Request::new(UnaryRequest { text: "hello".to_owned() });
    request.metadata_mut().insert("large", "x".repeat(17_000).parse().unwrap());
    let status = client.unary(request).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "NOT_GRPC"));
    client.unary(UnaryRequest { text: "hello".to_owned() }).await.unwrap();
    assert_eq!(node.echo.came.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn many_headers_are_as_large_as_one() {
    let node = Node::start(Echo::default());
    let names: Vec<_> = (0..500).map(|index| format!("header-{index}")).collect();
    let headers: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
    // 32 bytes are counted for each (RFC 9113, section 6.5.2).
    let response = post(&node.network, "/echo.v1.EchoService/Unary", &headers).await;
    assert_eq!(response.status(), 431);
}

#[tokio::test(start_paused = true)]
async fn frames_that_break_the_rules_end_their_connection_and_no_other() {
    let node = Node::start(Echo::default());
    let mut client = node.client();
    client.unary(UnaryRequest { text: "hello".to_owned() }).await.unwrap();
    let block = head("/echo.v1.EchoService/Unary");
    let mut wrong = Vec::new();
    // Where RFC 9113 has a finer code, h2 says PROTOCOL_ERROR nevertheless.
    // RFC 9113, sections 4.2, 5.1, 6.1 to 6.10; RFC 7541.
    for (what, bytes, code) in [
        ("a frame larger than allowed", frame(DATA, 0, 1, &[0; 20_000]), 6),
        ("data of no stream", frame(DATA, 0, 0, b"x"), 1),
        ("data of a stream that is idle", frame(DATA, 0, 5, b"x"), 1),
        ("headers of no stream", frame(HEADERS, END_HEADERS, 0, &block), 1),
        ("headers of a server's stream", frame(HEADERS, END_HEADERS, 2, &block), 1),
        ("headers that are no HPACK", frame(HEADERS, END_HEADERS, 1, &[0xff; 40]), 1),
        ("padding longer than its frame", frame(DATA, 8, 1, &[200, 0]), 1),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &block), 1),
        (
            "another frame within headers",
            [frame(HEADERS, 0, 1, &block), frame(PING, 0, 0, &[0; 8])].concat(),
            1,
        ),
        ("settings of a stream", frame(SETTINGS, 0, 1, &[]), 1),
        ("settings of odd length", frame(SETTINGS, 0, 0, &[0; 5]), 1),
        ("a window beyond all windows", frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]), 1),
        ("a ping of seven bytes", frame(PING, 0, 0, &[0; 7]), 1),
        ("a ping of a stream", frame(PING, 0, 1, &[0; 8]), 1),
        ("a reset of no stream", frame(RST_STREAM, 0, 0, &[0; 4]), 1),
        ("a reset of a stream that is idle", frame(RST_STREAM, 0, 9, &[0; 4]), 1),
        ("a push", frame(5, END_HEADERS, 1, &[0, 0, 0, 2]), 1),
        ("a window that grows by nothing", frame(8, 0, 0, &[0; 4]), 1),
    ] {
        let mut io = node.network.connect(address(1)).await.unwrap();
        greet(&mut io).await;
        io.write_all(&bytes).await.unwrap();
        let end = timeout(Duration::from_secs(60), next_of(&mut io, GOAWAY)).await;
        let found = match end {
            Ok(Some(goaway)) => Ok(goaway.goaway().1),
            Ok(None) => Err("closed without a GOAWAY"),
            Err(_) => Err("not closed"),
        };
        if found != Ok(code) {
            wrong.push((what, code, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    client.unary(UnaryRequest { text: "hello".to_owned() }).await.unwrap();
    assert_eq!(node.echo.came.load(std::sync::atomic::Ordering::Relaxed), 2);
}
