//! Calls that a server has certainly not seen: sent again once, at once, uncharged, whatever their contract says.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use echo::{BidiStreamRequest, UnaryRequest, echo_service_server::EchoServiceServer};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, Response};
use mesh_policy::{MethodPolicy, PolicyTable};
use mesh_rpc::{Channel, Listener as _, RetryConfig, Server, Target};
use mesh_telemetry::spans::SpanValue;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::Instant,
};
use tonic::{Code, Status};

use crate::spans::{attribute, spans, telemetry};
use crate::support::{
    ENDLESS_UNARY, Echo, EchoClient, Network, POLICIES, RETRIES, Scrape, address,
    frames::{DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, SETTINGS, calls, frame},
    reason, spawn,
};

/// No method is known.
static NONE: PolicyTable = PolicyTable::new(&[]);

fn connect(network: &Network, policies: &'static PolicyTable) -> (Channel, EchoClient) {
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network.clone());
    let channel = channel.policies(policies).seed(1).build().unwrap();
    (channel.clone(), EchoClient::new(channel))
}

async fn hello(client: &mut EchoClient) -> Result<String, Status> {
    Ok(client.unary(UnaryRequest { text: "hello".to_owned() }).await?.into_inner().text)
}

/// Refuses so many streams, and answers those after them with an empty message. The headers of all of them.
fn refuse(network: &Network, refused: usize) -> Arc<Mutex<Vec<HeaderMap>>> {
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (mut listener, seen) = (network.listen(1), Arc::clone(&heads));
    tokio::spawn(async move {
        let (io, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(io).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let index = {
                let mut seen = seen.lock().unwrap();
                seen.push(request.headers().clone());
                seen.len()
            };
            if index <= refused {
                respond.send_reset(h2::Reason::REFUSED_STREAM);
                continue;
            }
            let head = Response::builder().header("content-type", "application/grpc").body(()).unwrap();
            let mut body = respond.send_response(head, false).unwrap();
            body.send_data(Bytes::from_static(&[0; 5]), false).unwrap();
            body.send_trailers(HeaderMap::from_iter([(Status::GRPC_STATUS, 0.into())])).unwrap();
        }
    });
    heads
}

#[tokio::test(start_paused = true)]
async fn a_refused_stream_is_sent_again_at_once_and_was_no_attempt() {
    let network = Network::default();
    let heads = refuse(&network, 1);
    let (channel, mut client) = connect(&network, &RETRIES);
    let begun = Instant::now();
    assert_eq!(hello(&mut client).await.unwrap(), "");
    assert!(begun.elapsed() < Duration::from_millis(10));
    let heads = heads.lock().unwrap();
    assert_eq!(heads.len(), 2);
    assert!(!heads[1].contains_key("grpc-previous-rpc-attempts"));
    assert_eq!(heads[0]["traceparent"], heads[1]["traceparent"]);
    let counts = channel.attempts().find(|(path, _)| path.ends_with("Unary")).unwrap().1;
    assert_eq!((counts.attempts, counts.retries, counts.transparent_retries), (1, [0; 4], 1));
}

#[tokio::test(start_paused = true)]
async fn the_second_refusal_of_a_call_is_a_failure_like_others() {
    let network = Network::default();
    let heads = refuse(&network, 99);
    let (_, mut client) = connect(&network, &RETRIES);
    let status = hello(&mut client).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STREAM_RESET"));
    let heads = heads.lock().unwrap();
    // Three attempts, and one that was none.
    let previous =
        |head: &HeaderMap| head.get("grpc-previous-rpc-attempts").map(|value| value.as_bytes().to_vec());
    let previous: Vec<_> = heads.iter().map(previous).collect();
    assert_eq!(previous, [None, None, Some(b"1".to_vec()), Some(b"2".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn a_method_without_a_retry_in_its_contract_is_sent_again_as_well_and_only_once() {
    for (refused, expected) in [(1, Ok(String::new())), (2, Err(Code::Unavailable))] {
        let network = Network::default();
        let heads = refuse(&network, refused);
        let (_, mut client) = connect(&network, &POLICIES);
        assert_eq!(hello(&mut client).await.map_err(|status| status.code()), expected);
        let heads = heads.lock().unwrap();
        assert_eq!(heads.len(), 2);
        assert!(heads.iter().all(|head| !head.contains_key("grpc-previous-rpc-attempts")));
        assert_eq!(heads[0]["traceparent"], heads[1]["traceparent"]);
    }
}

/// gRFC A96 and A72.
#[tokio::test(start_paused = true)]
async fn what_is_sent_again_is_counted_and_told_of() {
    for (policies, method) in
        [(&RETRIES, "echo.v1.EchoService/Unary"), (&POLICIES, "echo.v1.EchoService/Unary"), (&NONE, "other")]
    {
        let (network, telemetry) = (Network::default(), telemetry(1.0));
        let _heads = refuse(&network, 1);
        let channel = Channel::builder(Target::fixed([address(1)])).connector(network).policies(policies);
        let mut client = EchoClient::new(channel.telemetry(&telemetry).seed(1).build().unwrap());
        hello(&mut client).await.unwrap();
        drop(client);
        let labels = format!("{{grpc_method=\"{method}\",grpc_target=\"static:///10.0.0.1:1\"}}");
        let scrape = Scrape::of(&telemetry);
        assert_eq!(scrape.get(&format!("grpc_client_call_transparent_retries_sum{labels}")), 1.0, "{method}");
        assert_eq!(
            scrape.get(&format!("grpc_client_call_transparent_retries_count{labels}")),
            1.0,
            "{method}"
        );
        assert_eq!(scrape.series("grpc_client_call_retries"), [""; 0]);
        let spans = spans(&telemetry);
        let attempts = spans.iter().filter(|span| span.name.starts_with("Attempt."));
        let resent: Vec<_> =
            attempts.map(|span| attribute(span, "transparent-retry").unwrap().clone()).collect();
        // What may not be repeated is one attempt, sent twice.
        let expected = if std::ptr::eq(policies, &RETRIES) { [false, true].as_slice() } else { &[false] };
        assert_eq!(
            resent,
            expected.iter().map(|flag| SpanValue::Flag(*flag)).collect::<Vec<_>>(),
            "{method}"
        );
    }
}

/// Streams that are not repeated, of a method that is known.
static STREAMS: PolicyTable = PolicyTable::new(&[MethodPolicy {
    path: "/echo.v1.EchoService/BidiStream",
    client_streaming: true,
    server_streaming: true,
    ..ENDLESS_UNARY
}]);

/// What a server answers to a stream of these texts that another one has not looked at.
async fn streamed(texts: &[&str], policies: &'static PolicyTable) -> Result<Vec<String>, Status> {
    let network = Network::default();
    let mut listener = network.listen(1);
    let server = Server::builder().service(EchoServiceServer::new(Echo::default())).build().unwrap();
    tokio::spawn(async move {
        let (io, _) = listener.accept().await.unwrap();
        answer_one_and_go_away(io).await;
        spawn(server, listener)
    });
    let channel = Channel::builder(Target::fixed([address(1)])).connector(network).policies(policies);
    let channel = channel.retry(RetryConfig { replay_bytes_max: 128, ..RetryConfig::default() });
    let mut client = EchoClient::new(channel.seed(1).build().unwrap());
    assert_eq!(hello(&mut client).await.unwrap(), "");
    let messages: Vec<_> = texts.iter().map(|text| BidiStreamRequest { text: (*text).to_owned() }).collect();
    // One by one: the first is sent before the server speaks, the others come after.
    let paced = stream::iter(messages).enumerate().then(async |(index, message)| {
        tokio::time::sleep(Duration::from_millis(u64::from(index > 0))).await;
        message
    });
    let answers = client.bidi_stream(Box::pin(paced)).await?.into_inner();
    answers.map(|answer| Ok(answer?.text)).try_collect().await
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_sent_again_whole_as_far_as_it_is_kept() {
    for policies in [&NONE, &STREAMS] {
        let texts = ["one", "two", "three", "four", "five", "six"];
        assert_eq!(streamed(&texts, policies).await.unwrap(), texts);
        let long = "more than what is kept ".repeat(6);
        assert_eq!(reason(&streamed(&[&long], policies).await.unwrap_err()), "GONE_AWAY");
    }
}

/// Answers a call, and at the next one says GOAWAY, of which the last stream seen is the first.
async fn answer_one_and_go_away(mut io: impl AsyncRead + AsyncWrite + Unpin) {
    io.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    let mut bytes = Vec::new();
    while calls(&bytes) < 1 {
        io.read_buf(&mut bytes).await.unwrap();
    }
    // `:status: 200` of the static table; the others as literals that are not indexed (RFC 7541).
    let head = [&[0x88, 0x0f, 0x10, 16], b"application/grpc".as_slice()].concat();
    io.write_all(&frame(HEADERS, END_HEADERS, 1, &head)).await.unwrap();
    io.write_all(&frame(DATA, 0, 1, &[0; 5])).await.unwrap();
    let status = [&[0x00, 11], b"grpc-status".as_slice(), &[1, b'0']].concat();
    io.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &status)).await.unwrap();
    while calls(&bytes) < 2 {
        io.read_buf(&mut bytes).await.unwrap();
    }
    io.write_all(&frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_came_after_the_goaway_is_sent_again_on_another_connection() {
    for policies in [&RETRIES, &POLICIES] {
        let network = Network::default();
        let mut listener = network.listen(1);
        let echo = Echo::default();
        let server = Server::builder().service(EchoServiceServer::new(echo.clone())).build().unwrap();
        tokio::spawn(async move {
            let (io, _) = listener.accept().await.unwrap();
            answer_one_and_go_away(io).await;
            spawn(server, listener)
        });
        let (channel, mut client) = connect(&network, policies);
        assert_eq!(hello(&mut client).await.unwrap(), "");
        let begun = Instant::now();
        let answer = hello(&mut client).await.map_err(|status| reason(&status));
        assert_eq!(answer.as_deref(), Ok("hello"));
        // The wait of a retry would be 80 ms at least.
        assert!(begun.elapsed() < Duration::from_millis(80), "{:?}", begun.elapsed());
        assert_eq!(echo.came.load(Ordering::Relaxed), 1);
        if let Some((_, counts)) = channel.attempts().find(|(path, _)| path.ends_with("Unary")) {
            assert_eq!((counts.attempts, counts.transparent_retries), (2, 1));
        }
    }
}

/// What the last attempt met must not hide what an earlier one may have done: who reads "cannot connect" takes the
/// call for one that was never sent.
#[tokio::test(start_paused = true)]
async fn a_call_that_was_sent_once_is_never_called_unsent() {
    let network = Network::default();
    let mut listener = network.listen(1);
    tokio::spawn(async move {
        let (mut io, _) = listener.accept().await.unwrap();
        // From now on nobody listens.
        drop(listener);
        io.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
        let mut bytes = Vec::new();
        while calls(&bytes) < 1 {
            io.read_buf(&mut bytes).await.unwrap();
        }
    });
    let (channel, mut client) = connect(&network, &RETRIES);
    let status = hello(&mut client).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CONNECTION_LOST"));
    let counts = channel.attempts().find(|(path, _)| path.ends_with("Unary")).unwrap().1;
    assert_eq!(counts.attempts, 3);
    // And one that was not, is.
    assert_eq!(reason(&hello(&mut client).await.unwrap_err()), "CONNECT_FAILED");
}
