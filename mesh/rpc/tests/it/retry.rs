//! Attempts after a failure: when, where, how often, and when not.

use std::{sync::atomic::Ordering, time::Duration};

use echo::{ClientStreamRequest, ServerStreamRequest, UnaryRequest};
use futures_util::{StreamExt as _, stream};
use mesh_policy::PolicyTable;
use mesh_rpc::{
    AttemptCounts, BudgetConfig, Channel, RetryConfig, Target, ThrottleConfig,
    deadline::{self, Deadline},
};
use tokio::time::Instant;
use tonic::{Code, Request, Status};

use crate::support::{Echo, EchoClient, Network, Node, POLICIES, RETRIES, UNSAFE_RETRIES, address, reason};

fn connect(network: &Network, ports: &[u16], policies: &'static PolicyTable, retry: RetryConfig) -> Channel {
    let target = Target::fixed(ports.iter().map(|port| address(*port)));
    let channel = Channel::builder(target).connector(network.clone()).policies(policies).retry(retry);
    channel.seed(1).build().unwrap()
}

/// One server, and a client that may retry.
fn one() -> (Node, EchoClient) {
    let node = Node::start_at(&Network::default(), 1, Echo::named("a"), |server| server);
    let client = connect(&node.network, &[1], &RETRIES, RetryConfig::default());
    (node, EchoClient::new(client))
}

fn came(node: &Node) -> u32 {
    node.echo.came.load(Ordering::Relaxed)
}

async fn say(client: &mut EchoClient, text: &str) -> Result<String, Status> {
    Ok(client.unary(UnaryRequest { text: text.to_owned() }).await?.into_inner().text)
}

fn counts(channel: &Channel, method: &str) -> AttemptCounts {
    channel.attempts().find(|(path, _)| path.ends_with(method)).unwrap().1
}

#[tokio::test(start_paused = true)]
async fn each_attempt_goes_to_a_server_that_has_not_failed() {
    let network = Network::default();
    let start = |port, name| Node::start_at(&network, port, Echo::named(name), |server| server);
    let nodes = [start(1, "a"), start(2, "b"), start(3, "c")];
    let mut client = EchoClient::new(connect(&network, &[1, 2, 3], &RETRIES, RetryConfig::default()));
    // All three are connected.
    while nodes.iter().any(|node| came(node) == 0) {
        say(&mut client, "hello").await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for round in 0..20 {
        // Two of three fail, and there are three attempts: no server is asked twice.
        let answer = say(&mut client, "not ab").await.unwrap();
        assert!(answer.starts_with("c "), "{round}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_knows_which_attempt_it_serves_and_how_much_time_is_left() {
    let (node, mut client) = one();
    let begun = Instant::now();
    let answer = say(&mut client, "until 2 14").await.unwrap();
    let waited = begun.elapsed().as_millis();
    // 100 ms and 200 ms, each give or take a fifth.
    assert!((240..=365).contains(&waited), "{waited} ms");
    let left: u128 = answer.strip_prefix("a 2 ").unwrap().parse().unwrap();
    assert!((2_000 - waited - 1..=2_000 - waited + 1).contains(&left), "{left} ms left of 2 s");
    assert_eq!(came(&node), 3);
}

#[tokio::test(start_paused = true)]
async fn no_call_has_more_attempts_than_its_contract_allows() {
    let (node, mut client) = one();
    assert_eq!(say(&mut client, "fail 14").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(came(&node), 3);
}

#[tokio::test(start_paused = true)]
async fn other_codes_are_answers() {
    let (node, mut client) = one();
    for code in (1..=16).filter(|code| *code != 14) {
        assert_eq!(say(&mut client, &format!("fail {code}")).await.unwrap_err().code(), Code::from(code));
    }
    assert_eq!(came(&node), 15);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_called_idempotent_is_sent_once() {
    let node = Node::start(Echo::default());
    for policies in [&UNSAFE_RETRIES, &POLICIES] {
        let mut client = EchoClient::new(connect(&node.network, &[1], policies, RetryConfig::default()));
        say(&mut client, "fail 14").await.unwrap_err();
    }
    assert_eq!(came(&node), 2);
}

#[tokio::test(start_paused = true)]
async fn pushback_is_the_wait_to_the_millisecond_or_forever() {
    let (node, mut client) = one();
    let begun = Instant::now();
    say(&mut client, "until 1 14 700").await.unwrap();
    assert!((700..=702).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    assert_eq!(came(&node), 2);
    for never in ["-1", "x"] {
        say(&mut client, &format!("until 1 14 {never}")).await.unwrap_err();
    }
    assert_eq!(came(&node), 4);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_would_come_too_late_is_not_waited_for() {
    let (node, mut client) = one();
    let begun = Instant::now();
    // The contract gives it two seconds in all.
    let status = say(&mut client, "until 1 14 5000").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "asked to"));
    assert!(begun.elapsed() < Duration::from_millis(10));
    let soon = Deadline::after(Duration::from_millis(50)).unwrap();
    deadline::scope(soon, say(&mut client, "until 1 14")).await.unwrap_err();
    assert_eq!(came(&node), 2);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_all_attempts_together() {
    let (_node, mut client) = one();
    let begun = Instant::now();
    let current = Deadline::after(Duration::from_millis(150)).unwrap();
    let hang = async {
        say(&mut client, "until 1 14").await?;
        say(&mut client, "hang").await
    };
    let status = deadline::scope(current, hang).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_millis(), 150);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_repeated_beyond_the_budget() {
    let node = Node::start(Echo::default());
    let budget = BudgetConfig { min_per_second: 0, ..BudgetConfig::default() };
    let channel = connect(&node.network, &[1], &RETRIES, RetryConfig { budget, ..RetryConfig::default() });
    let mut client = EchoClient::new(channel.clone());
    for _ in 0..100 {
        say(&mut client, "fail 14").await.unwrap_err();
    }
    assert_eq!(came(&node), 120);
    drop(client);
    let counts = counts(&channel, "Unary");
    assert_eq!(
        (counts.attempts, counts.retries.iter().zip(1..).map(|(calls, n)| calls * n).sum()),
        (120, 20)
    );
    assert!(counts.held_back >= 80, "{counts:?}");
}

/// Envoy #30205: calls that wait for their retry have taken it from the budget already.
#[tokio::test(start_paused = true)]
async fn a_burst_of_failures_cannot_overshoot_the_budget() {
    let node = Node::start(Echo::default());
    let budget = BudgetConfig { min_per_second: 0, ..BudgetConfig::default() };
    let channel = connect(&node.network, &[1], &RETRIES, RetryConfig { budget, ..RetryConfig::default() });
    let calls = (0..500).map(|_| {
        let mut client = EchoClient::new(channel.clone());
        async move { say(&mut client, "fail 14").await.unwrap_err() }
    });
    futures_util::future::join_all(calls).await;
    assert_eq!(came(&node), 600);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_repeated_while_most_fails() {
    let node = Node::start(Echo::default());
    let throttle = ThrottleConfig { max_tokens: 10, token_ratio: 0.1 };
    let channel = connect(&node.network, &[1], &RETRIES, RetryConfig { throttle, ..RetryConfig::default() });
    let mut client = EchoClient::new(channel);
    for _ in 0..10 {
        say(&mut client, "fail 14").await.unwrap_err();
    }
    // Three attempts, and two, of which the second leaves half of the tokens; then one for each call.
    assert_eq!(came(&node), 3 + 2 + 8);
    // All tokens are gone. A success brings a tenth; the failure takes one; half of ten is not more than half.
    for _ in 0..60 {
        say(&mut client, "hello").await.unwrap();
    }
    let before = came(&node);
    say(&mut client, "fail 14").await.unwrap_err();
    assert_eq!(came(&node) - before, 1);
    for _ in 0..11 {
        say(&mut client, "hello").await.unwrap();
    }
    assert!(say(&mut client, "until 1 14").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_retried_before_its_first_message_and_never_after() {
    let (node, mut client) = one();
    let request = |text: &str| ServerStreamRequest { count: 3, text: text.to_owned() };
    let answers = client.server_stream(request("until 1")).await.unwrap().into_inner();
    assert_eq!(answers.map(|answer| answer.unwrap().index).collect::<Vec<_>>().await, [0, 1, 2]);
    assert_eq!(came(&node), 2);

    let mut answers = client.server_stream(request("break")).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().unwrap().index, 0);
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(came(&node), 3);
}

/// Too late to repeat it, and not too late to know that much fails.
#[tokio::test(start_paused = true)]
async fn a_failure_after_the_first_message_counts_as_one() {
    let node = Node::start(Echo::default());
    let throttle = ThrottleConfig { max_tokens: 4, token_ratio: 0.1 };
    let channel = connect(&node.network, &[1], &RETRIES, RetryConfig { throttle, ..RetryConfig::default() });
    let mut client = EchoClient::new(channel);
    for _ in 0..2 {
        let request = ServerStreamRequest { count: 2, text: "break".to_owned() };
        let answers = client.server_stream(request).await.unwrap().into_inner();
        assert_eq!(answers.filter(|answer| std::future::ready(answer.is_err())).count().await, 1);
    }
    say(&mut client, "until 1 14").await.unwrap_err();
    assert_eq!(came(&node), 3);
}

fn stream_of(messages: usize, size: usize) -> Request<impl futures_util::Stream<Item = ClientStreamRequest>> {
    // One after the other, so that the first attempt is on its way before the last is made.
    let messages = stream::iter(0..messages).then(move |_| async move {
        tokio::time::sleep(Duration::from_millis(1)).await;
        ClientStreamRequest { text: "x".repeat(size) }
    });
    let mut request = Request::new(messages);
    request.metadata_mut().insert("until", "1".parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn what_a_client_streams_is_sent_again_whole_while_it_fits_the_buffer() {
    let (node, mut client) = one();
    let answer = client.client_stream(stream_of(60, 1_000)).await.unwrap();
    assert_eq!((answer.into_inner().count, came(&node)), (60, 2));
    // 70 messages of 1,000 bytes are more than 64 KiB.
    let status = client.client_stream(stream_of(70, 1_000)).await.unwrap_err();
    assert_eq!((status.code(), came(&node)), (Code::Unavailable, 3));
}

#[tokio::test(start_paused = true)]
async fn never_again_climbs_from_hop_to_hop() {
    let network = Network::default();
    let start = |port, echo| Node::start_at(&network, port, echo, |server| server);
    let next = |port| EchoClient::new(connect(&network, &[port], &RETRIES, RetryConfig::default()));
    let last = start(1, Echo::default());
    let middle = start(2, Echo { next: Some(next(1)), ..Echo::default() });
    let first = start(3, Echo { next: Some(next(2)), ..Echo::default() });
    // Whether a handler passes on the status that it got, or makes one of its own.
    for text in ["relay relay fail 14 -1", "wrap wrap fail 14 -1"] {
        let before = [&last, &middle, &first].map(came);
        say(&mut next(3), text).await.unwrap_err();
        let after = [&last, &middle, &first].map(came);
        let calls: Vec<_> = before.iter().zip(after).map(|(before, after)| after - before).collect();
        assert_eq!(calls, [1, 1, 1], "{text}");
    }
    // Without it each hop would make three attempts.
    say(&mut next(2), "wrap fail 14").await.unwrap_err();
    assert_eq!(came(&middle), 2 + 3);
}

/// Otherwise each layer of services multiplies what was too much for the last.
#[tokio::test(start_paused = true)]
async fn what_a_budget_holds_back_below_is_not_tried_again_above() {
    let network = Network::default();
    let budget = BudgetConfig { ratio: 0.0, min_per_second: 0, ..BudgetConfig::default() };
    let poor = RetryConfig { budget, ..RetryConfig::default() };
    let _last = Node::start_at(&network, 1, Echo::default(), |server| server);
    let next = EchoClient::new(connect(&network, &[1], &RETRIES, poor));
    let middle = Node::start_at(&network, 2, Echo { next: Some(next), ..Echo::default() }, |server| server);
    let mut client = EchoClient::new(connect(&network, &[2], &RETRIES, RetryConfig::default()));
    let status = say(&mut client, "wrap fail 14").await.unwrap_err();
    assert_eq!((status.message(), came(&middle)), ("my own words", 1));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_counted_by_method() {
    let node = Node::start(Echo::default());
    let channel = connect(&node.network, &[1], &RETRIES, RetryConfig::default());
    let mut client = EchoClient::new(channel.clone());
    say(&mut client, "hello").await.unwrap();
    say(&mut client, "until 2 14 50").await.unwrap();
    let counted = counts(&channel, "Unary");
    assert_eq!((counted.attempts, counted.retries, counted.held_back), (4, [0, 1, 0, 0], 0));
    assert_eq!(counted.retry_delay.as_millis(), 100);
    assert_eq!(counts(&channel, "ServerStream"), AttemptCounts::default());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_be_reached_is_tried_again_as_the_contract_says() {
    let network = Network::default();
    let mut client = EchoClient::new(connect(&network, &[1], &RETRIES, RetryConfig::default()));
    let begun = Instant::now();
    let status = say(&mut client, "hello").await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "CONNECT_FAILED"));
    assert!(begun.elapsed() >= Duration::from_millis(240), "{:?}", begun.elapsed());
}

#[test]
fn bounds_that_cannot_work_are_refused() {
    let build = |retry| Channel::builder(Target::fixed([address(1)])).retry(retry).build().map(drop);
    let wrong = |retry| build(retry).unwrap_err().to_string();
    let default = RetryConfig::default;
    assert!(wrong(RetryConfig { max_attempts: 0, ..default() }).ends_with("from 1 to 5"));
    assert!(wrong(RetryConfig { max_attempts: 6, ..default() }).ends_with("from 1 to 5"));
    let throttle = |max_tokens, token_ratio| ThrottleConfig { max_tokens, token_ratio };
    for throttle in [throttle(0, 0.1), throttle(1_001, 0.1), throttle(10, 0.0), throttle(10, f64::NAN)] {
        assert!(wrong(RetryConfig { throttle, ..default() }).contains("throttle."));
    }
    for ratio in [-0.1, f64::NAN, f64::INFINITY] {
        let budget = BudgetConfig { ratio, ..BudgetConfig::default() };
        assert!(wrong(RetryConfig { budget, ..default() }).contains("budget.ratio"));
    }
    let budget = BudgetConfig { window: Duration::ZERO, ..BudgetConfig::default() };
    assert!(wrong(RetryConfig { budget, ..default() }).contains("budget.window"));
    assert_eq!(build(default()), Ok(()));
}
