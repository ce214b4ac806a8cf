//! One log line for every call.

use std::{
    cell::RefCell,
    io::{self, Write},
    sync::Once,
    time::Duration,
};

use echo::{ServerStreamRequest, UnaryRequest};
use serde_json::Value;
use tonic::Request;

use crate::support::{Echo, Node, POLICIES, long_answer, post};

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

thread_local! {
    /// What was logged on this thread, as JSON; `None` while nobody listens.
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

struct Lines;

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.as_mut().map_or(Ok(bytes.len()), |lines| lines.write(bytes)))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to keep what this thread logs.
///
/// The subscriber is that of the whole process: what a test's own one sees depends on which thread met a line of
/// code first, for tracing remembers whether anybody cared.
fn listen() {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        tracing_subscriber::fmt().json().with_max_level(tracing::Level::DEBUG).with_writer(|| Lines).init();
        tracing::callsite::rebuild_interest_cache();
    });
    LINES.set(Some(Vec::new()));
}

/// Level, method, status, and whether the trace is the caller's, of each finished call.
fn calls() -> Vec<[String; 4]> {
    let lines = String::from_utf8(LINES.take().unwrap()).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["fields"]["duration_ms"].is_f64())
        .map(|line| {
            let field = |name: &str| line["fields"][name].as_str().unwrap_or_default().to_owned();
            let ours = line["span"]["trace_id"] == CALLER[3..35];
            let level = line["level"].as_str().unwrap().to_owned();
            [level, field("rpc.method"), field("rpc.status_code"), format!("caller's: {ours}")]
        })
        .collect()
}

fn traced<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("traceparent", CALLER.parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn every_call_is_told_once_when_it_is_over() {
    listen();
    // Only of the unary method does the server know a contract.
    let node = Node::start_at(&Default::default(), 1, Echo::default(), |server| server.policies(&POLICIES));
    let mut client = node.client();
    client.unary(traced(UnaryRequest { text: "hello".to_owned() })).await.unwrap();
    client.unary(UnaryRequest { text: "panic".to_owned() }).await.unwrap_err();

    let mut late = traced(UnaryRequest { text: "hang".to_owned() });
    late.set_timeout(Duration::from_secs(1));
    client.unary(late).await.unwrap_err();

    // Three messages, then the caller loses interest.
    let mut answers = client.server_stream(ServerStreamRequest::default()).await.unwrap().into_inner();
    for _ in 0..3 {
        answers.message().await.unwrap();
    }
    drop(answers);
    post(&node.network, "/made.up/By%20a%20caller", &[]).await;
    node.stopped().await;

    let unary = "echo.v1.EchoService/Unary";
    let expected = [
        ["DEBUG", unary, "OK", "caller's: true"],
        ["WARN", unary, "INTERNAL", "caller's: false"],
        ["WARN", unary, "DEADLINE_EXCEEDED", "caller's: true"],
        ["DEBUG", "_OTHER", "CANCELLED", "caller's: false"],
        ["WARN", "_OTHER", "UNIMPLEMENTED", "caller's: false"],
    ];
    assert_eq!(calls(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_cut_because_nobody_read_it_tells_why() {
    listen();
    let node = Node::start_at(&Default::default(), 1, Echo::default(), |server| server.policies(&POLICIES));
    // The contract gives it two seconds.
    let _unread = long_answer(&node.network, "Unary", &[]).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let _unread = long_answer(&node.network, "ServerStream", &[]).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.stopped().await;
    let expected = [
        ["WARN", "echo.v1.EchoService/Unary", "DEADLINE_EXCEEDED", "caller's: false"],
        ["WARN", "_OTHER", "UNAVAILABLE", "caller's: false"],
    ];
    assert_eq!(calls(), expected);
}
