//! Servers that answer badly are left alone for a while.

use std::{sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use echo::UnaryRequest;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use mesh_rpc::{
    BalanceConfig, Balancing, Channel, ChannelConfig, ConsecutiveConfig, OutlierConfig,
    RollingSuccessRateConfig, SlowStartConfig, Target,
};
use tokio::time::Instant;
use tonic::{Code, Request, Status, body::Body};
use tower_service::Service as _;

use crate::support::{Echo, EchoClient, Network, Node, address, message, reason};

struct House {
    network: Network,
    nodes: Vec<Node>,
    channel: Channel,
    client: EchoClient,
}

const NAMES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

impl House {
    /// Servers that are called in turn, so that nothing but ejection keeps calls away from them.
    async fn of(servers: u16, outlier: OutlierConfig) -> Self {
        let network = Network::default();
        let nodes = (1..=servers)
            .zip(NAMES)
            .map(|(port, name)| Node::start_at(&network, port, Echo::named(name), |server| server))
            .collect();
        let balance = BalanceConfig {
            policy: Balancing::RoundRobin,
            slow_start: SlowStartConfig { window: Duration::ZERO, ..SlowStartConfig::default() },
            ..BalanceConfig::default()
        };
        let config = ChannelConfig { balance, outlier, ..ChannelConfig::default() };
        let target = Target::fixed((1..=servers).map(address));
        let channel = Channel::builder(target).connector(network.clone()).config(config).seed(1);
        let channel = channel.build().unwrap();
        let mut house = Self { network, nodes, channel: channel.clone(), client: EchoClient::new(channel) };
        while house.came().contains(&0) {
            house.say("hello").await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        house
    }

    async fn say(&mut self, text: &str) -> Result<String, Status> {
        let mut request = Request::new(UnaryRequest { text: text.to_owned() });
        request.set_timeout(Duration::from_millis(50));
        Ok(self.client.unary(request).await?.into_inner().text)
    }

    fn came(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.echo.came.load(Ordering::Relaxed)).collect()
    }

    /// What comes of `calls` calls, `apart`: how many come to each server, and how many fail.
    async fn after(&mut self, text: &str, calls: u32, apart: Duration) -> (Vec<u32>, u32) {
        let before = self.came();
        let mut failed = 0;
        for _ in 0..calls {
            failed += u32::from(self.say(text).await.is_err());
            tokio::time::sleep(apart).await;
        }
        (self.came().iter().zip(before).map(|(after, before)| after - before).collect(), failed)
    }
}

const MILLI: Duration = Duration::from_millis(1);

fn exact() -> OutlierConfig {
    let consecutive = ConsecutiveConfig { jitter: 0.0, ..ConsecutiveConfig::default() };
    OutlierConfig { consecutive: Some(consecutive), ..OutlierConfig::default() }
}

#[tokio::test(start_paused = true)]
async fn seven_failures_in_a_row_cost_a_second_and_each_failed_probe_twice_as_much() {
    let mut house = House::of(3, exact()).await;
    let (came, failed) = house.after("not b", 30, MILLI).await;
    assert_eq!((came[1], failed), (7, 7));
    // Within 100 s: probes after 1, 2, 4, 8, 16 and 32 s more.
    let (came, failed) = house.after("not b", 10_000, 9 * MILLI).await;
    assert_eq!((came[1], failed), (6, 6));
    // It is good again, and after its next probe it has its turn.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let (came, failed) = house.after("name", 300, MILLI).await;
    assert!(came[1] > 90 && failed == 0, "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_ejected_by_deadlines() {
    let mut house = House::of(3, exact()).await;
    let (came, failed) = house.after("stuck b", 40, MILLI).await;
    assert_eq!((came[1], failed), (7, 7));
}

#[tokio::test(start_paused = true)]
async fn answers_about_the_request_eject_nobody() {
    let mut house = House::of(3, exact()).await;
    for code in [3, 5, 6, 7, 8, 9, 10, 11, 12, 16] {
        let text = format!("fail {code}");
        let (came, _) = house.after(&text, 60, MILLI).await;
        assert_eq!(came, [20, 20, 20], "code {code}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_ten_servers_one_at_most_is_ejected_however_many_are_bad() {
    let mut house = House::of(10, exact()).await;
    let (came, _) = house.after("not abcdefgh", 1_000, MILLI / 10).await;
    let ejected = came.iter().filter(|came| **came <= 10).count();
    assert_eq!(ejected, 1, "{came:?}");
}

/// gRFC A50: who is ejected is not called, and that is all.
#[tokio::test(start_paused = true)]
async fn an_ejected_server_keeps_its_connection() {
    let mut house = House::of(3, exact()).await;
    let (came, _) = house.after("not b", 60, MILLI).await;
    assert_eq!(came[1], 7);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (came, failed) = house.after("name", 30, MILLI).await;
    assert!(came[1] > 5 && failed == 0, "it is back: {came:?}, {failed} failed");
    assert_eq!(house.network.attempts(2), 1);
}

#[tokio::test(start_paused = true)]
async fn ejections_are_ignored_where_less_than_half_is_left() {
    for (bad, expected) in [("not ab", [0, 0, 20, 20]), ("not abc", [10; 4])] {
        let mut house = House::of(4, OutlierConfig { max_ejection_percent: 100, ..exact() }).await;
        house.after(bad, 60, MILLI).await;
        let (came, _) = house.after(bad, 40, MILLI).await;
        assert_eq!(came, expected, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_only_server_is_called_though_it_fails() {
    let mut house = House::of(1, exact()).await;
    let (came, failed) = house.after("not a", 100, MILLI).await;
    assert_eq!((came[0], failed), (100, 100));
    assert_eq!(house.say("name").await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn without_a_panic_threshold_the_only_server_rests() {
    let mut house = House::of(1, OutlierConfig { panic_percent: 0, ..exact() }).await;
    let (came, failed) = house.after("not a", 100, MILLI).await;
    assert_eq!((came[0], failed), (7, 100));
    let status = house.say("name").await.unwrap_err();
    assert_eq!(
        (status.code(), crate::support::reason(&status).as_str()),
        (Code::Unavailable, "BREAKER_OPEN")
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(house.say("name").await.unwrap(), "a");
}

/// A caller who cannot make the rest of what he sends says nothing of the server.
#[tokio::test(start_paused = true)]
async fn requests_that_break_off_eject_nobody() {
    let mut house = House::of(3, exact()).await;
    for _ in 0..30 {
        let begun = Frame::data(Bytes::from(message(0, b"")));
        let body = StreamBody::new(stream::iter([Ok(begun), Err(Status::internal("no more of it"))]));
        let request = http::Request::post("/echo.v1.EchoService/ClientStream")
            .header("content-type", "application/grpc");
        let request = request.body(Body::new(body)).unwrap();
        let status = house.channel.call(request).await.map(drop).unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Internal, "REQUEST_BROKEN"));
    }
    let (came, failed) = house.after("name", 30, MILLI).await;
    assert_eq!((came, failed), (vec![10, 10, 10], 0));
}

#[tokio::test(start_paused = true)]
async fn of_three_servers_the_one_that_fails_every_other_call_is_ejected_if_that_is_asked_for() {
    let rolling = RollingSuccessRateConfig { jitter: 0.0, ..RollingSuccessRateConfig::default() };
    for (rolling, expected) in [(None, 20), (Some(rolling), 0)] {
        let mut house = House::of(3, OutlierConfig { rolling_success_rate: rolling, ..exact() }).await;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(1_200) {
            house.after("not b", 3, MILLI).await;
            house.after("name", 3, MILLI).await;
        }
        // It was looked at after a second, and rests for another one.
        let (came, failed) = house.after("name", 60, MILLI).await;
        assert_eq!((came[1], failed), (expected, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_more_often_than_the_others_is_ejected_for_30_s() {
    let config = OutlierConfig { consecutive: None, ..OutlierConfig::default() };
    let mut house = House::of(10, config).await;
    // Half of its calls fail, and none of the others': 200 calls each within an interval.
    for _ in 0..100 {
        house.after("not d", 10, 2 * MILLI).await;
        house.after("name", 10, 2 * MILLI).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    let (came, failed) = house.after("not d", 100, MILLI).await;
    assert_eq!((came[3], failed), (0, 0));
    tokio::time::sleep(Duration::from_secs(30)).await;
    let (came, failed) = house.after("not d", 100, MILLI).await;
    assert_eq!((came[3], failed), (1, 1), "a probe");
}

#[tokio::test(start_paused = true)]
async fn lost_connections_are_not_failures_in_a_row() {
    let network = Network::default();
    let mut nodes: Vec<_> =
        (1..=2).map(|port| Node::start_at(&network, port, Echo::default(), |server| server)).collect();
    let target = Target::fixed([address(1), address(2)]);
    let channel = Channel::builder(target).connector(network.clone()).seed(1).build().unwrap();
    let client = EchoClient::new(channel);
    let call = |text: &str| {
        let (mut client, request) = (client.clone(), UnaryRequest { text: text.to_owned() });
        tokio::spawn(async move { client.unary(request).await })
    };
    let calls: Vec<_> = (0..40).map(|_| call("hang")).collect();
    tokio::time::sleep(Duration::from_millis(10)).await;
    let lost = nodes.remove(1);
    tokio::spawn(lost.stopped());
    // The drain ends by cutting what hangs.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let back = Node::start_at(&network, 2, Echo::default(), |server| server);
    for _ in 0..200 {
        call("hello").await.unwrap().unwrap();
        tokio::time::sleep(MILLI).await;
    }
    assert!(back.echo.came.load(Ordering::Relaxed) > 1, "it is not ejected, nor probed, but called");
    drop(calls);
}
