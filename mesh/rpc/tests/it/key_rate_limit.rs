//! Callers that ask too often with one key.

use std::{sync::atomic::Ordering, time::Duration};

use echo::{ServerStreamRequest, UnaryRequest};
use futures_util::StreamExt as _;
use mesh_policy::{
    Criticality, FieldEncoding, Idempotency, MessageField, MethodPolicy, PolicyTable, RateLimit,
};
use mesh_rpc::{
    Channel, ChannelConfig, CompressionConfig, Encoding, RateLimitConfig, Server, ServerConfig, Target,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{Echo, EchoClient, Network, Node, address, reason};

const UNARY: MethodPolicy = MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
    idempotency: Idempotency::Unknown,
    deadline: Some(Duration::from_secs(20)),
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: None,
    key_rate_limit: Some(RateLimit { per_second: 2, burst: 3 }),
    hash_key: Some(MessageField { name: "text", path: &[1], encoding: FieldEncoding::Bytes }),
    client_streaming: false,
    server_streaming: false,
};

/// Two calls a second with one text, three at once.
static LIMITED: PolicyTable = PolicyTable::new(&[
    MethodPolicy {
        path: "/echo.v1.EchoService/ServerStream",
        deadline: None,
        server_streaming: true,
        hash_key: Some(MessageField { name: "text", path: &[2], encoding: FieldEncoding::Bytes }),
        ..UNARY
    },
    UNARY,
]);

fn start(rate_limit: RateLimitConfig) -> Node {
    let config = ServerConfig { rate_limit, ..ServerConfig::default() };
    let network = Network::default();
    Node::start_at(&network, 1, Echo::default(), |server| server.config(config).policies(&LIMITED).seed(1))
}

fn client(node: &Node, config: ChannelConfig) -> EchoClient {
    let channel = Channel::builder(Target::fixed([address(1)])).connector(node.network.clone());
    EchoClient::new(channel.config(config).seed(1).build().unwrap())
}

async fn say(client: &EchoClient, text: &str) -> Result<(), Status> {
    client.clone().unary(UnaryRequest { text: text.to_owned() }).await.map(drop)
}

/// How many of five calls with this text are let in.
async fn let_in(client: &EchoClient, text: &str) -> usize {
    let mut let_in = 0;
    for _ in 0..5 {
        match say(client, text).await {
            Ok(()) => let_in += 1,
            Err(status) => assert_eq!(reason(&status), "RATE_LIMITED"),
        }
    }
    let_in
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_with_one_key_is_told_so_and_may_ask_with_another() {
    let node = start(RateLimitConfig::default());
    let client = client(&node, ChannelConfig::default());
    for _ in 0..3 {
        say(&client, "lovelace").await.unwrap();
    }
    let status = say(&client, "lovelace").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    let details = status.get_error_details();
    let wait = details.retry_info().unwrap().retry_delay.unwrap();
    assert!((490..=500).contains(&wait.as_millis()), "{wait:?}");
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "caller,text");
    assert_eq!(details.error_info().unwrap().metadata["hash_key"], "text");
    let said = |name| status.metadata().get(name).unwrap().to_str().unwrap().to_owned();
    let pushback: u128 = said("grpc-retry-pushback-ms").parse().unwrap();
    assert_eq!(pushback, wait.as_nanos().div_ceil(1_000_000));
    assert_eq!(said("ratelimit"), r#""caller,text";r=0;t=1"#);
    assert_eq!(said("ratelimit-policy"), r#""caller,text";q=3;w=2"#);
    // Values of messages are told to nobody.
    assert!(!format!("{status:?}").contains("lovelace"), "{status:?}");
    // The handler has seen three; and who comes when told is let in.
    assert_eq!((node.echo.came.load(Ordering::Relaxed), node.load.rate_limited()), (3, 1));
    assert_eq!(let_in(&client, "eve").await, 3);
    tokio::time::sleep(wait).await;
    assert_eq!(let_in(&client, "lovelace").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_has_its_key_however_it_travels() {
    let compression = |encoding| Some(CompressionConfig { encoding: Some(encoding), min_bytes: 0 });
    let node = start(RateLimitConfig::default());
    let plain = client(&node, ChannelConfig::default());
    let gzip = ChannelConfig { compression: compression(Encoding::Gzip), ..ChannelConfig::default() };
    let zstd = ChannelConfig { compression: compression(Encoding::Zstd), ..ChannelConfig::default() };
    let (gzip, zstd) = (client(&node, gzip), client(&node, zstd));
    // One that needs several frames, and one that does not.
    for text in ["lovelace".to_owned(), "x".repeat(200_000)] {
        for client in [&plain, &gzip, &zstd] {
            say(client, &text).await.unwrap();
        }
        for client in [&plain, &gzip, &zstd] {
            assert_eq!(reason(&say(client, &text).await.unwrap_err()), "RATE_LIMITED");
        }
        // All the same but the last letter.
        assert_eq!(let_in(&gzip, &format!("{text}y")).await, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_answers_is_one_call() {
    let node = start(RateLimitConfig::default());
    let mut client = client(&node, ChannelConfig::default());
    let ask = |text: &str| ServerStreamRequest { count: 4, text: text.to_owned() };
    for n in 0..5 {
        let answer = client.server_stream(ask("lovelace")).await;
        assert_eq!(answer.is_ok(), n < 3);
        if let Ok(answer) = answer {
            assert_eq!(
                answer.into_inner().filter(|answer| std::future::ready(answer.is_ok())).count().await,
                4
            );
        }
    }
    assert!(client.server_stream(ask("eve")).await.is_ok());
}

/// Neither do they get more than they may, nor does anybody wait for them who has asked for nothing.
#[tokio::test(start_paused = true)]
async fn random_keys_do_not_change_what_others_may_ask() {
    let node = start(RateLimitConfig::default());
    let client = client(&node, ChannelConfig::default());
    assert_eq!(let_in(&client, "lovelace").await, 3);
    for n in 0..2_000 {
        say(&client, &n.to_string()).await.unwrap();
    }
    assert_eq!((let_in(&client, "lovelace").await, let_in(&client, "eve").await), (0, 3));
}

#[test]
fn a_limit_for_keys_that_no_contract_names_is_refused() {
    let build = |path: &str| {
        let key_methods = vec![(path.to_owned(), RateLimit { per_second: 1, burst: 1 })];
        let rate_limit = RateLimitConfig { key_methods, ..RateLimitConfig::default() };
        let config = ServerConfig { rate_limit, ..ServerConfig::default() };
        Server::builder()
            .config(config)
            .policies(&LIMITED)
            .build()
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert!(build("/echo.v1.EchoService/BidiStream").unwrap_err().contains("hash_key"));
    assert_eq!(build("/echo.v1.EchoService/Unary"), Ok(()));
}
