//! Any bytes for a server.

use std::time::Duration;

use echo::UnaryRequest;
use mesh_policy::{
    Criticality, FieldEncoding, Idempotency, MessageField, MethodPolicy, PolicyTable, RateLimit,
};
use mesh_rpc::Connector as _;
use rand::{RngExt as _, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    cases::each,
    garbage::{bytes, mutate, pieces},
    support::{
        Echo, Network, Node, address,
        frames::{
            CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, frame, head,
            hello,
        },
        message,
    },
};

/// More than any case asks for.
const OFTEN: RateLimit = RateLimit { per_second: 1_000, burst: 1_000 };

/// Limits by caller, and by a field of the message.
static LIMITED: PolicyTable = PolicyTable::new(&[MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
    idempotency: Idempotency::Unknown,
    deadline: None,
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: Some(OFTEN),
    key_rate_limit: Some(OFTEN),
    hash_key: Some(MessageField { name: "text", path: &[1], encoding: FieldEncoding::Bytes }),
    client_streaming: false,
    server_streaming: false,
}]);

/// Longer than a server waits for anything.
const LONG: Duration = Duration::from_secs(300);

/// Writes pieces to a server and reads until it closes, or has nothing to say any more.
async fn talk(network: &Network, pieces: &[&[u8]]) {
    let io = network.connect(address(1)).await.unwrap();
    let (mut read, mut write) = tokio::io::split(io);
    let reading = tokio::spawn(async move {
        let mut said = Vec::new();
        let _ = timeout(LONG, read.read_to_end(&mut said)).await;
    });
    for piece in pieces {
        if write.write_all(piece).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    reading.await.unwrap();
}

/// One case on a server, which serves others afterwards as if nothing had been.
fn with_server(say: impl AsyncFn(&Network)) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        // With all that reads a call or its message before the handler does.
        let node = Node::start_at(&Network::default(), 1, Echo::default(), |server| {
            server.policies(&LIMITED).seed(1)
        });
        say(&node.network).await;
        let answer = node.client().unary(UnaryRequest { text: "hello".to_owned() }).await.unwrap();
        assert_eq!(answer.into_inner().text, "hello");
        let drained = timeout(LONG, node.stopped()).await.expect("the server stops");
        assert_eq!(drained.cut, 0);
    });
}

#[test]
fn garbage() {
    each("garbage", 300, |random| {
        let mut said = if random.random() { hello() } else { Vec::new() };
        said.extend(bytes(random, 500));
        let cut = pieces(random, &said);
        with_server(async |network| talk(network, &cut).await);
    });
}

/// A sound exchange of a few calls.
fn exchange(random: &mut StdRng) -> Vec<u8> {
    let paths = ["/echo.v1.EchoService/Unary", "/echo.v1.EchoService/BidiStream", "/x/y", "*"];
    let mut said = hello();
    for call in 0..random.random_range(1..4) {
        let stream = 2 * call + 1;
        let block = head(paths[random.random_range(0..paths.len())]);
        let (first, rest) = block.split_at(random.random_range(0..block.len()));
        if random.random() {
            said.extend(frame(HEADERS, END_HEADERS, stream, &block));
        } else {
            said.extend(frame(HEADERS, 0, stream, first));
            said.extend(frame(CONTINUATION, END_HEADERS, stream, rest));
        }
        let sent = message(0, &bytes(random, 50));
        said.extend(frame(DATA, if random.random() { END_STREAM } else { 0 }, stream, &sent));
        match random.random_range(0..4) {
            0 => said.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])),
            1 => said.extend(frame(PING, 0, 0, &[7; 8])),
            2 => said.extend(frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])),
            _ => {}
        }
    }
    said
}

#[test]
fn nearly_sound_exchanges() {
    each("nearly_sound_exchanges", 500, |random| {
        let mut said = exchange(random);
        mutate(random, &mut said);
        let cut = pieces(random, &said);
        with_server(async |network| talk(network, &cut).await);
    });
}

/// Frames that are whole, in an order that makes no sense.
#[test]
fn frames_in_any_order() {
    each("frames_in_any_order", 300, |random| {
        let mut said = hello();
        for _ in 0..random.random_range(1..30) {
            let payload = bytes(random, 40);
            let (kind, flags, stream) =
                (random.random_range(0..11), random.random(), random.random_range(0..8));
            said.extend(frame(kind, flags, stream, &payload));
        }
        let cut = pieces(random, &said);
        with_server(async |network| talk(network, &cut).await);
    });
}
