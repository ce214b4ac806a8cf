//! What is counted and measured, with gRPC's names: gRFC A66, A91, A94, A96.

use std::{sync::atomic::Ordering, time::Duration};

use echo::{ClientStreamRequest, UnaryRequest};
use futures_util::stream;
use mesh_policy::PolicyTable;
use mesh_rpc::{BalanceConfig, Balancing, Channel, ChannelConfig, Target};
use mesh_telemetry::Telemetry;
use tonic::{Code, Request, Status};

use crate::support::{Echo, EchoClient, HEDGES, Network, Node, POLICIES, RETRIES, Scrape, address, post};

const UNARY: &str = "grpc_method=\"echo.v1.EchoService/Unary\"";

/// Servers with a letter each, a client, and what each side tells.
struct House {
    nodes: Vec<Node>,
    client: EchoClient,
    server: Telemetry,
    caller: Telemetry,
    target: String,
}

impl House {
    fn of(names: &[&str], policies: &'static PolicyTable) -> Self {
        let (server, caller) = (Telemetry::new(), Telemetry::new());
        let network = Network::default();
        let start = |(port, name): (u16, &&str)| {
            let configure = |node: mesh_rpc::ServerBuilder| node.policies(policies).telemetry(&server);
            Node::start_at(&network, port, Echo::named(name), configure)
        };
        let nodes: Vec<_> = (1..).zip(names).map(start).collect();
        let target = Target::fixed((1..).map(address).take(names.len()));
        let balance = BalanceConfig { policy: Balancing::RoundRobin, ..BalanceConfig::default() };
        let config = ChannelConfig { balance, ..ChannelConfig::default() };
        let channel = Channel::builder(target.clone()).connector(network).policies(policies).config(config);
        let channel = channel.telemetry(&caller).seed(1).build().unwrap();
        Self { nodes, client: EchoClient::new(channel), server, caller, target: target.to_string() }
    }

    /// Calls until every server has had one; how many calls that took.
    async fn warm_up(&mut self) -> u32 {
        let mut calls = 0;
        while self.nodes.iter().any(|node| node.echo.came.load(Ordering::Relaxed) == 0) {
            self.say("hello").await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
            calls += 1;
        }
        calls
    }

    async fn say(&mut self, text: &str) -> Result<String, Status> {
        Ok(self.client.unary(UnaryRequest { text: text.to_owned() }).await?.into_inner().text)
    }

    /// The labels of the client: method and target, and further ones.
    fn labels(&self, more: &str) -> String {
        format!("{{{UNARY},grpc_target=\"{}\"{more}}}", self.target)
    }
}

fn status(code: &str) -> String {
    format!(",grpc_status=\"{code}\"")
}

#[tokio::test(start_paused = true)]
async fn a_call_is_told_by_both_sides_as_grpc_tells_it() {
    let mut house = House::of(&["a"], &POLICIES);
    house.say("sleep 250").await.unwrap();
    house.say("long 300").await.unwrap();
    // A field of nine letters and one of eight there, one of nine and one of 300 back: each with its tag, and its
    // length of a byte or two.
    let (asked, answered) = (11.0 + 10.0, 11.0 + 303.0);

    let server = Scrape::of(&house.server);
    let labels = format!("{{{UNARY}{}}}", status("OK"));
    assert_eq!(server.get(&format!("grpc_server_call_started_total{{{UNARY}}}")), 2.0);
    assert_eq!(server.get(&format!("grpc_server_call_duration_seconds_sum{labels}")), 0.25);
    assert_eq!(server.get(&format!("grpc_server_call_duration_seconds_count{labels}")), 2.0);
    for (way, bytes) in [("sent", answered), ("rcvd", asked)] {
        let sum = format!("grpc_server_call_{way}_total_compressed_message_size_bytes_sum{labels}");
        assert_eq!(server.get(&sum), bytes, "{way}");
    }
    assert!(server.series("grpc_client").is_empty());

    let client = Scrape::of(&house.caller);
    let ok = house.labels(&status("OK"));
    assert_eq!(client.get(&format!("grpc_client_attempt_started_total{}", house.labels(""))), 2.0);
    for what in ["attempt", "call"] {
        assert_eq!(client.get(&format!("grpc_client_{what}_duration_seconds_sum{ok}")), 0.25);
        assert_eq!(client.get(&format!("grpc_client_{what}_duration_seconds_count{ok}")), 2.0);
    }
    for (way, bytes) in [("sent", asked), ("rcvd", answered)] {
        let sum = format!("grpc_client_attempt_{way}_total_compressed_message_size_bytes_sum{ok}");
        assert_eq!(client.get(&sum), bytes, "{way}");
    }
    assert!(client.series("grpc_client_call_retries").is_empty(), "there were none");
}

#[tokio::test(start_paused = true)]
async fn what_callers_make_up_makes_up_no_series() {
    let house = House::of(&["a"], &POLICIES);
    for path in ["/made.up/One", "/made.up/Two", "/echo.v1.EchoService/Three"] {
        post(&house.nodes[0].network, path, &[]).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let server = Scrape::of(&house.server);
    let started = server.series("grpc_server_call_started_total");
    assert_eq!(started, ["grpc_server_call_started_total{grpc_method=\"other\"}"]);
    assert_eq!(server.get(started[0]), 3.0);
    let ended =
        "grpc_server_call_duration_seconds_count{grpc_method=\"other\",grpc_status=\"UNIMPLEMENTED\"}";
    assert_eq!(server.get(ended), 3.0);
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_stream_are_counted_without_their_frames() {
    let mut house = House::of(&["a"], &RETRIES);
    let messages = stream::iter((0..10).map(|_| ClientStreamRequest { text: "x".repeat(1_000) }));
    house.client.client_stream(messages).await.unwrap();
    let method = "grpc_method=\"echo.v1.EchoService/ClientStream\"";
    // Each a tag, two bytes of length, and itself.
    let server = Scrape::of(&house.server);
    let received = "grpc_server_call_rcvd_total_compressed_message_size_bytes_sum";
    assert_eq!(server.get(&format!("{received}{{{method},grpc_status=\"OK\"}}")), 10_030.0);
    let client = Scrape::of(&house.caller);
    let sent = "grpc_client_attempt_sent_total_compressed_message_size_bytes_sum";
    let labels = format!("{{{method},grpc_target=\"{}\",grpc_status=\"OK\"}}", house.target);
    assert_eq!(client.get(&format!("{sent}{labels}")), 10_030.0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_retried_shows_its_attempts_and_its_waits() {
    let mut house = House::of(&["a"], &RETRIES);
    house.say("until 2 14").await.unwrap();
    let client = Scrape::of(&house.caller);
    let attempts = |code: &str| {
        client.get(&format!("grpc_client_attempt_duration_seconds_count{}", house.labels(&status(code))))
    };
    assert_eq!(client.get(&format!("grpc_client_attempt_started_total{}", house.labels(""))), 3.0);
    assert_eq!((attempts("UNAVAILABLE"), attempts("OK")), (2.0, 1.0));
    let calls = format!("grpc_client_call_duration_seconds_count{}", house.labels(&status("OK")));
    assert_eq!(client.get(&calls), 1.0);
    assert_eq!(client.series("grpc_client_call_duration_seconds_count").len(), 1);
    let labels = house.labels("");
    assert_eq!(client.get(&format!("grpc_client_call_retries_sum{labels}")), 2.0);
    assert_eq!(client.get(&format!("grpc_client_call_retries_count{labels}")), 1.0);
    // 100 ms and 200 ms, each give or take a fifth.
    let delay = client.get(&format!("grpc_client_call_retry_delay_seconds_sum{labels}"));
    assert!((0.24..=0.36).contains(&delay), "{delay}");
    let server = Scrape::of(&house.server);
    assert_eq!(server.get(&format!("grpc_server_call_started_total{{{UNARY}}}")), 3.0);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_hedged_shows_who_won_and_who_was_cancelled() {
    let mut house = House::of(&["a", "b", "c"], &HEDGES);
    let before = f64::from(house.warm_up().await);
    // The second attempt is sent after 50 ms.
    house.say("slow abc 80").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let client = Scrape::of(&house.caller);
    let attempts = |code: &str| {
        client.get(&format!("grpc_client_attempt_duration_seconds_count{}", house.labels(&status(code))))
    };
    assert_eq!((attempts("OK"), attempts("CANCELLED")), (before + 1.0, 1.0));
    let labels = house.labels("");
    assert_eq!(client.get(&format!("grpc_client_attempt_started_total{labels}")), before + 2.0);
    assert_eq!(client.get(&format!("grpc_client_call_hedges_sum{labels}")), 1.0);
    assert_eq!(client.get(&format!("grpc_client_call_hedges_count{labels}")), 1.0);
    let server = Scrape::of(&house.server);
    let cancelled = format!("grpc_server_call_duration_seconds_count{{{UNARY}{}}}", status("CANCELLED"));
    assert_eq!(server.get(&cancelled), 1.0);
}

#[tokio::test(start_paused = true)]
async fn connections_and_ejections_are_counted() {
    let mut house = House::of(&["a", "b", "c"], &POLICIES);
    house.warm_up().await;
    for _ in 0..30 {
        let _ = house.say("not b").await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let target = format!("{{grpc_target=\"{}\"}}", house.target);
    let client = Scrape::of(&house.caller);
    assert_eq!(client.get(&format!("grpc_subchannel_connection_attempts_succeeded_total{target}")), 3.0);
    assert_eq!(client.get(&format!("grpc_subchannel_open_connections{target}")), 3.0);
    let ejected = client.series("grpc_lb_outlier_detection_ejections_enforced_total");
    let method = "grpc_lb_outlier_detection_detection_method=\"consecutive_failures\"";
    let expected = format!(
        "grpc_lb_outlier_detection_ejections_enforced_total{{grpc_target=\"{}\",{method}}}",
        house.target
    );
    assert_eq!(ejected, [expected]);
    assert_eq!(client.get(ejected[0]), 1.0);

    house.nodes.remove(2).stopped().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let client = Scrape::of(&house.caller);
    assert_eq!(client.get(&format!("grpc_subchannel_disconnections_total{target}")), 1.0);
    assert_eq!(client.get(&format!("grpc_subchannel_open_connections{target}")), 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_refused_is_counted() {
    let (caller, target) = (Telemetry::new(), Target::fixed([address(1)]));
    // Nobody is there.
    let channel = Channel::builder(target.clone()).connector(Network::default()).telemetry(&caller);
    let mut client = EchoClient::new(channel.build().unwrap());
    let failed = client.unary(UnaryRequest { text: "hello".to_owned() }).await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable);
    let scrape = Scrape::of(&caller);
    let labels = format!("{{grpc_target=\"{target}\"}}");
    assert_eq!(scrape.get(&format!("grpc_subchannel_connection_attempts_failed_total{labels}")), 1.0);
    assert_eq!(scrape.get(&format!("grpc_subchannel_connection_attempts_succeeded_total{labels}")), 0.0);
}

#[tokio::test(start_paused = true)]
async fn who_runs_out_of_time_or_gives_up_is_told_apart() {
    let mut house = House::of(&["a"], &POLICIES);
    let mut late = Request::new(UnaryRequest { text: "hang".to_owned() });
    late.set_timeout(Duration::from_secs(1));
    assert_eq!(house.client.unary(late).await.unwrap_err().code(), Code::DeadlineExceeded);
    let hang = house.client.unary(UnaryRequest { text: "hang".to_owned() });
    tokio::time::timeout(Duration::from_millis(500), hang).await.unwrap_err();
    let client = Scrape::of(&house.caller);
    for (code, seconds) in [("DEADLINE_EXCEEDED", 1.0), ("CANCELLED", 0.5)] {
        for what in ["attempt", "call"] {
            let labels = house.labels(&status(code));
            let sum = client.get(&format!("grpc_client_{what}_duration_seconds_sum{labels}"));
            // The timer counts in milliseconds.
            assert!((sum - seconds).abs() < 0.003, "{what} {code}: {sum}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_is_told_while_it_is() {
    let mut house = House::of(&["a"], &POLICIES);
    let mut client = house.client.clone();
    let hang = tokio::spawn(async move { client.unary(UnaryRequest { text: "hang".to_owned() }).await });
    house.say("sleep 100").await.unwrap();
    let target = format!("{{grpc_target=\"{}\"}}", house.target);
    let (client, server) = (Scrape::of(&house.caller), Scrape::of(&house.server));
    assert_eq!(client.get(&format!("mesh_client_in_flight{target}")), 1.0);
    assert_eq!(server.get("mesh_server_in_flight"), 1.0);
    assert!(server.get("mesh_server_concurrency_limit") > 1.0);
    assert_eq!(server.series("mesh_server_shed_requests_total").len(), 3, "one for each class");
    hang.abort();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (client, server) = (Scrape::of(&house.caller), Scrape::of(&house.server));
    assert_eq!(client.get(&format!("mesh_client_in_flight{target}")), 0.0);
    assert_eq!(server.get("mesh_server_in_flight"), 0.0);
}

/// Prometheus takes a counter that goes down for a restart of the process.
#[tokio::test(start_paused = true)]
async fn what_a_channel_has_counted_stays_when_it_is_dropped_and_the_next_one_counts_on() {
    let mut house = House::of(&["a"], &POLICIES);
    for _ in 0..3 {
        house.say("hello").await.unwrap();
    }
    let target = format!("{{grpc_target=\"{}\"}}", house.target);
    let counted = [
        format!("grpc_client_attempt_started_total{}", house.labels("")),
        format!("grpc_client_call_duration_seconds_count{}", house.labels(&status("OK"))),
        format!("grpc_subchannel_connection_attempts_succeeded_total{target}"),
    ];
    let counts = |house: &House| {
        let scrape = Scrape::of(&house.caller);
        counted.each_ref().map(|series| scrape.get(series))
    };
    let before = counts(&house);
    assert_eq!(before, [3.0, 3.0, 1.0]);
    let build = |house: &House| {
        let target = Target::fixed([address(1)]);
        let channel = Channel::builder(target).connector(house.nodes[0].network.clone()).policies(&POLICIES);
        EchoClient::new(channel.telemetry(&house.caller).seed(1).build().unwrap())
    };
    // The only client, and with it the only channel.
    house.client = EchoClient::new(house.nodes[0].channel());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(counts(&house), before);
    let client = Scrape::of(&house.caller);
    assert_eq!(client.get(&format!("grpc_subchannel_disconnections_total{target}")), 1.0);
    assert!(
        client.series("mesh_client_in_flight").is_empty(),
        "what is not there any more is under way nowhere"
    );
    house.client = build(&house);
    house.say("hello").await.unwrap();
    assert_eq!(counts(&house), [4.0, 4.0, 2.0]);
}
