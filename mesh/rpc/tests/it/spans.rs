//! Spans of calls: gRFC A72.

use std::{io, time::Duration};

use echo::UnaryRequest;
use mesh_rpc::{Channel, Target};
use mesh_telemetry::{
    Telemetry,
    export::{Connect, ExportConfig, Exporter, Resource},
    spans::{Span, SpanKind, SpanStatus, SpanValue},
};
use tokio::{
    io::{DuplexStream, duplex},
    time::Instant,
};

use crate::support::{Echo, EchoClient, HEDGES, Network, Node, POLICIES, RETRIES, address};

pub(crate) fn telemetry(ratio: f64) -> Telemetry {
    let telemetry = Telemetry::new();
    telemetry.sampler().set(ratio).unwrap();
    telemetry.spans().open();
    telemetry
}

pub(crate) fn spans(telemetry: &Telemetry) -> Vec<Span> {
    telemetry.spans().take(usize::MAX)
}

fn text(text: &'static str) -> SpanValue {
    SpanValue::Text(text.into())
}

pub(crate) fn attribute<'a>(span: &'a Span, key: &str) -> Option<&'a SpanValue> {
    span.attributes.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
}

fn client(network: &Network, port: u16, telemetry: &Telemetry) -> EchoClient {
    let channel = Channel::builder(Target::fixed([address(port)])).connector(network.clone());
    EchoClient::new(channel.policies(&RETRIES).telemetry(telemetry).seed(1).build().unwrap())
}

async fn say(mut client: EchoClient, words: &str) {
    client.unary(UnaryRequest { text: words.to_owned() }).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_over_two_hops_is_one_trace_from_span_to_span() {
    let (telemetry, network) = (telemetry(1.0), Network::default());
    let start = |port, echo| {
        Node::start_at(&network, port, echo, |server| server.policies(&POLICIES).telemetry(&telemetry))
    };
    let _last = start(1, Echo::default());
    let next = client(&network, 1, &telemetry);
    let _first = start(2, Echo { next: Some(next), ..Echo::default() });
    say(client(&network, 2, &telemetry), "relay hello").await;
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;

    let spans = spans(&telemetry);
    let root = spans.iter().find(|span| span.parent.is_none()).unwrap();
    let mut names = Vec::new();
    let mut above = Some(root);
    while let Some(span) = above {
        assert_eq!(span.context.trace_id, root.context.trace_id);
        names.push((span.name.as_str(), span.kind));
        assert_eq!(span.status, SpanStatus::Ok, "{}", span.name);
        assert_eq!(attribute(span, "rpc.method"), Some(&text("echo.v1.EchoService/Unary")));
        assert_eq!(attribute(span, "rpc.status_code"), Some(&text("OK")));
        above = spans.iter().find(|below| below.parent == Some(span.context.span_id));
    }
    let hop = [
        ("Sent.echo.v1.EchoService.Unary", SpanKind::Client),
        ("Attempt.echo.v1.EchoService.Unary", SpanKind::Client),
        ("Recv.echo.v1.EchoService.Unary", SpanKind::Server),
    ];
    assert_eq!(names, [hop, hop].concat());
    assert_eq!(spans.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_has_a_span_that_says_which_it_was() {
    let telemetry = telemetry(1.0);
    let node = Node::start(Echo::default());
    say(client(&node.network, 1, &telemetry), "until 2 14").await;
    let spans = spans(&telemetry);
    let call = spans.iter().find(|span| span.name.starts_with("Sent.")).unwrap();
    let attempts: Vec<_> = spans.iter().filter(|span| span.name.starts_with("Attempt.")).collect();
    assert_eq!((attempts.len(), spans.len()), (3, 4));
    for (number, attempt) in (0..).zip(&attempts) {
        assert_eq!(attempt.parent, Some(call.context.span_id));
        assert_eq!(attribute(attempt, "previous-rpc-attempts"), Some(&SpanValue::Integer(number)));
        assert_eq!(attribute(attempt, "transparent-retry"), Some(&SpanValue::Flag(false)));
        assert_eq!(attribute(attempt, "network.peer.address"), Some(&text("10.0.0.1:1")));
    }
    let is_error = |span: &Span| matches!(span.status, SpanStatus::Error(_));
    assert!(is_error(attempts[0]) && is_error(attempts[1]) && !is_error(attempts[2]) && !is_error(call));
    assert_eq!(attribute(attempts[0], "error.type"), Some(&text("UNAVAILABLE")));
}

#[tokio::test(start_paused = true)]
async fn a_hedge_has_a_span_beside_that_of_the_first_attempt() {
    let (telemetry, network) = (telemetry(1.0), Network::default());
    let _nodes = [1, 2].map(|port| Node::start_at(&network, port, Echo::default(), |server| server));
    let channel = Channel::builder(Target::fixed([1, 2].map(address))).connector(network);
    let channel = channel.policies(&HEDGES).telemetry(&telemetry).seed(1).build().unwrap();
    say(EchoClient::new(channel), "sleep 80").await;
    let spans = spans(&telemetry);
    let call = spans.iter().find(|span| span.name.starts_with("Sent.")).unwrap();
    let mut attempts: Vec<_> = spans.iter().filter(|span| span.name.starts_with("Attempt.")).collect();
    let is_first = |span: &Span| attribute(span, "previous-rpc-attempts") == Some(&SpanValue::Integer(0));
    attempts.sort_by_key(|attempt| !is_first(attempt));
    assert_eq!(attempts.len(), 2);
    assert!(is_first(attempts[0]) && !is_first(attempts[1]));
    for attempt in &attempts {
        assert_eq!(attempt.parent, Some(call.context.span_id));
        assert_eq!(attribute(attempt, "transparent-retry"), Some(&SpanValue::Flag(false)));
    }
    let peers = [0, 1].map(|index| attribute(attempts[index], "network.peer.address").unwrap());
    assert_ne!(peers[0], peers[1], "not where the first one waits");
    assert_eq!(attribute(attempts[1], "error.type"), Some(&text("CANCELLED")), "the first one won");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_sampled_has_no_spans_but_a_trace() {
    let telemetry = telemetry(0.0);
    let node = Node::start_at(&Network::default(), 1, Echo::default(), |server| server.telemetry(&telemetry));
    let mut client = client(&node.network, 1, &telemetry);
    let request = UnaryRequest { text: "trace".to_owned() };
    let trace = client.unary(request).await.unwrap().into_inner().text;
    assert!(trace.ends_with("-00"), "{trace}");
    // Who is asked to record, does: the caller decided.
    let mut request = tonic::Request::new(UnaryRequest { text: "trace".to_owned() });
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.metadata_mut().insert("traceparent", caller.parse().unwrap());
    client.unary(request).await.unwrap();
    let names: Vec<_> = spans(&telemetry).into_iter().map(|span| span.name).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

/// A collector that takes a connection and never reads.
struct Hangs;

impl Connect for Hangs {
    type Io = DuplexStream;

    async fn connect(&self, _: &str, _: u16) -> io::Result<DuplexStream> {
        let (near, far) = duplex(1_024);
        tokio::spawn(async move {
            let _far = far;
            std::future::pending::<()>().await
        });
        Ok(near)
    }
}

#[tokio::test(start_paused = true)]
async fn no_call_waits_for_a_collector_that_hangs() {
    let (telemetry, network) = (telemetry(1.0), Network::default());
    let _node = Node::start_at(&network, 1, Echo::default(), |server| server.telemetry(&telemetry));
    let config =
        ExportConfig::new("http://collector:4318".parse().unwrap(), Resource::of_service("test", "1"));
    tokio::spawn(Exporter::new(telemetry.clone(), Hangs, config).run(std::future::pending()));
    let client = client(&network, 1, &telemetry);
    say(client.clone(), "hello").await;
    for _ in 0..100 {
        let begun = Instant::now();
        for _ in 0..10 {
            say(client.clone(), "sleep 5").await;
        }
        assert_eq!(begun.elapsed(), Duration::from_millis(50), "what the handler takes, and nothing else");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(telemetry.spans().recorded() > 1_000, "it was recorded all the while");
}
