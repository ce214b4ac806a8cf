//! Callers that ask too often.

use std::{sync::atomic::Ordering, time::Duration};

use echo::UnaryRequest;
use mesh_policy::{Codes, Criticality, Idempotency, MethodPolicy, PolicyTable, RateLimit, RetryPolicy};
use mesh_rpc::{Channel, RateLimitConfig, Server, ServerConfig, Target};
use tokio::time::Instant;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::support::{Echo, EchoClient, Network, Node, address, reason};

const UNARY: MethodPolicy = MethodPolicy {
    path: "/echo.v1.EchoService/Unary",
    idempotency: Idempotency::Idempotent,
    deadline: Some(Duration::from_secs(20)),
    retry: None,
    hedge: None,
    criticality: Criticality::Default,
    rate_limit: Some(RateLimit { per_second: 2, burst: 3 }),
    key_rate_limit: None,
    hash_key: None,
    client_streaming: false,
    server_streaming: false,
};

static LIMITED: PolicyTable = PolicyTable::new(&[UNARY]);

/// The same for a caller whose contract lets it come again.
static PATIENT: PolicyTable = PolicyTable::new(&[MethodPolicy {
    retry: Some(RetryPolicy {
        max_attempts: 3,
        initial_backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(2),
        backoff_multiplier: 2.0,
        retryable_codes: Codes::NONE.with(8),
    }),
    ..UNARY
}]);

fn start(rate_limit: RateLimitConfig) -> Node {
    let config = ServerConfig { rate_limit, ..ServerConfig::default() };
    let network = Network::default();
    Node::start_at(&network, 1, Echo::default(), |server| server.config(config).policies(&LIMITED))
}

fn client(node: &Node, policies: &'static PolicyTable) -> EchoClient {
    let channel = Channel::builder(Target::fixed([address(1)])).connector(node.network.clone());
    EchoClient::new(channel.policies(policies).seed(1).build().unwrap())
}

async fn say(client: &EchoClient, caller: Option<&'static str>) -> Result<(), Status> {
    let mut request = Request::new(UnaryRequest { text: "hello".to_owned() });
    if let Some(caller) = caller {
        request.metadata_mut().insert("x-caller", caller.parse().unwrap());
    }
    client.clone().unary(request).await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_told_so_in_every_usual_way() {
    let node = start(RateLimitConfig::default());
    let client = client(&node, &LIMITED);
    for _ in 0..3 {
        say(&client, None).await.unwrap();
    }
    let status = say(&client, None).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::ResourceExhausted, "RATE_LIMITED"));
    let details = status.get_error_details();
    let wait = details.retry_info().unwrap().retry_delay.unwrap();
    assert!((490..=500).contains(&wait.as_millis()), "{wait:?}");
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "caller");
    assert_eq!(details.error_info().unwrap().metadata["path"], "/echo.v1.EchoService/Unary");
    let said = |name| status.metadata().get(name).unwrap().to_str().unwrap().to_owned();
    let pushback: u128 = said("grpc-retry-pushback-ms").parse().unwrap();
    assert_eq!(pushback, wait.as_nanos().div_ceil(1_000_000));
    assert_eq!(said("ratelimit"), r#""caller";r=0;t=1"#);
    assert_eq!(said("ratelimit-policy"), r#""caller";q=3;w=2"#);
    // The handler has seen three; and who comes when told is let in.
    assert_eq!((node.echo.came.load(Ordering::Relaxed), node.load.rate_limited()), (3, 1));
    tokio::time::sleep(wait).await;
    say(&client, None).await.unwrap();
    say(&client, None).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_may_come_again_waits_as_long_as_it_is_told() {
    let node = start(RateLimitConfig::default());
    let client = client(&node, &PATIENT);
    for _ in 0..3 {
        say(&client, None).await.unwrap();
    }
    let begun = Instant::now();
    say(&client, None).await.unwrap();
    assert!((490..=505).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(node.load.rate_limited(), 1);
}

#[tokio::test(start_paused = true)]
async fn callers_with_names_of_their_own_have_limits_of_their_own() {
    let node =
        start(RateLimitConfig { caller_key: Some("x-caller".to_owned()), ..RateLimitConfig::default() });
    let client = client(&node, &LIMITED);
    for caller in [Some("a"), Some("b"), None] {
        for n in 0..4 {
            assert_eq!(say(&client, caller).await.is_ok(), n < 3, "{caller:?}");
        }
    }
}

/// Otherwise one caller with too much zeal would throttle everything that its process asks of the target.
#[tokio::test(start_paused = true)]
async fn a_limit_of_one_caller_is_no_overload() {
    let node = start(RateLimitConfig::default());
    let client = client(&node, &LIMITED);
    for _ in 0..100 {
        if let Err(status) = say(&client, None).await {
            assert_eq!(reason(&status), "RATE_LIMITED");
        }
    }
    assert_eq!(node.load.rate_limited(), 97);
}

#[test]
fn bounds_that_cannot_work_are_refused() {
    let build = |rate_limit| {
        let config = ServerConfig { rate_limit, ..ServerConfig::default() };
        Server::builder().config(config).build().map(drop).map_err(|error| error.to_string())
    };
    let default = RateLimitConfig::default;
    assert!(build(RateLimitConfig { keys: 0, ..default() }).unwrap_err().contains("rate_limit.keys"));
    let caller_key = Some("x caller".to_owned());
    assert!(build(RateLimitConfig { caller_key, ..default() }).unwrap_err().contains("caller_key"));
    let methods = vec![("/a.v1.A/A".to_owned(), RateLimit { per_second: 1, burst: 0 })];
    assert!(build(RateLimitConfig { methods, ..default() }).unwrap_err().contains("at least one call"));
    assert_eq!(build(default()), Ok(()));
}
