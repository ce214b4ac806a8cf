//! A second attempt beside a slow first one.

use std::{sync::atomic::Ordering, time::Duration};

use echo::UnaryRequest;
use mesh_rpc::{BalanceConfig, Balancing, BudgetConfig, Channel, ChannelConfig, RetryConfig, Target};
use tokio::time::Instant;
use tonic::{Code, Status};

use crate::support::{Echo, EchoClient, HEDGES, Network, Node, address};

const MILLI: Duration = Duration::from_millis(1);

/// Servers with a letter each, and a client that is connected to all of them.
struct House {
    nodes: Vec<Node>,
    channel: Channel,
    client: EchoClient,
}

impl House {
    async fn new(names: &[&str], budget: BudgetConfig) -> Self {
        let network = Network::default();
        let nodes: Vec<Node> = (1..)
            .zip(names)
            .map(|(port, name)| Node::start_at(&network, port, Echo::named(name), |server| server))
            .collect();
        let target = Target::fixed((1..).map(address).take(names.len()));
        let retry = RetryConfig { budget, ..RetryConfig::default() };
        // In turn: the default learns to avoid a server that is stuck, and then nothing is hedged.
        let balance = BalanceConfig { policy: Balancing::RoundRobin, ..BalanceConfig::default() };
        let config = ChannelConfig { balance, ..ChannelConfig::default() };
        let channel = Channel::builder(target).connector(network).policies(&HEDGES).retry(retry);
        let channel = channel.config(config).seed(1).build().unwrap();
        let client = EchoClient::new(channel.clone());
        let mut house = Self { nodes, channel, client };
        // A handful of calls, so that the delay stays the contract's 50 ms.
        while house.came().contains(&0) {
            house.say("hello").await.unwrap();
            tokio::time::sleep(MILLI).await;
        }
        house
    }

    async fn say(&mut self, text: &str) -> Result<String, Status> {
        Ok(self.client.unary(UnaryRequest { text: text.to_owned() }).await?.into_inner().text)
    }

    fn came(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.echo.came.load(Ordering::Relaxed)).collect()
    }

    fn dropped(&self) -> u32 {
        self.nodes.iter().map(|node| node.echo.dropped.load(Ordering::Relaxed)).sum()
    }

    fn hedges(&self) -> u64 {
        let counts = self.channel.attempts().next().unwrap().1;
        counts.hedges.iter().zip(1..).map(|(calls, hedges)| calls * hedges).sum()
    }

    /// Says `text` until the first attempt was one that needed a hedge.
    async fn hedged(&mut self, text: &str) -> (Result<String, Status>, Duration) {
        for _ in 0..100 {
            let (before, begun) = (self.hedges(), Instant::now());
            let answer = self.say(text).await;
            if self.hedges() > before {
                return (answer, begun.elapsed());
            }
        }
        panic!("no first attempt went to the slow server");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stuck_server_is_overtaken_by_another_and_its_call_is_cancelled() {
    let mut house = House::new(&["a", "b"], BudgetConfig::default()).await;
    let (answer, waited) = house.hedged("stuck a").await;
    assert_eq!(answer.unwrap(), "b 1");
    assert!((50..=52).contains(&waited.as_millis()), "{waited:?}");
    // The loser's stream is reset, and its handler dropped.
    tokio::time::sleep(MILLI).await;
    assert_eq!(house.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn attempt_k_comes_after_k_delays_and_never_where_one_is() {
    let mut house = House::new(&["a", "b", "c"], BudgetConfig::default()).await;
    for _ in 0..20 {
        let (answer, waited) = house.hedged("stuck ab").await;
        let answer = answer.unwrap();
        let previous: u128 = answer.strip_prefix("c ").unwrap().parse().unwrap();
        assert!((50 * previous..=50 * previous + 2).contains(&waited.as_millis()), "{answer}: {waited:?}");
    }
    // All three at once: the call ends at its deadline, and each server was asked once.
    let before = house.came();
    let begun = Instant::now();
    assert_eq!(house.say("stuck abc").await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_secs(), 2);
    let asked: Vec<u32> = house.came().iter().zip(before).map(|(after, before)| after - before).collect();
    assert_eq!(asked, [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn where_there_is_only_one_server_nothing_is_hedged() {
    let mut house = House::new(&["a"], BudgetConfig::default()).await;
    let before = house.came();
    assert_eq!(house.say("sleep 500").await.unwrap(), "sleep 500");
    assert_eq!((house.came()[0] - before[0], house.hedges()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_not_fatal_sends_the_next_at_once() {
    let mut house = House::new(&["a", "b"], BudgetConfig::default()).await;
    let (answer, waited) = house.hedged("not a").await;
    assert_eq!(answer.unwrap(), "b 1");
    assert!(waited < 5 * MILLI, "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_fatal_failure_is_the_answer() {
    let mut house = House::new(&["a", "b"], BudgetConfig::default()).await;
    assert_eq!(house.say("fail 5").await.unwrap_err().code(), Code::NotFound);
    assert_eq!(house.hedges(), 0);
}

#[tokio::test(start_paused = true)]
async fn pushback_delays_the_next_attempt_and_never_means_never() {
    let mut house = House::new(&["a", "b"], BudgetConfig::default()).await;
    let (answer, waited) = house.hedged("until 1 14 300").await;
    assert!(answer.unwrap().contains(" 1 "));
    assert!((300..=302).contains(&waited.as_millis()), "{waited:?}");
    let before = house.hedges();
    assert_eq!(house.say("until 1 14 -1").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(house.hedges(), before);
}

#[tokio::test(start_paused = true)]
async fn hedges_draw_on_the_budget_of_retries() {
    let budget = BudgetConfig { min_per_second: 0, ..BudgetConfig::default() };
    let mut house = House::new(&["a", "b", "c"], budget).await;
    // How many calls it takes to meet all servers is a matter of chance, and they earn too.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let before: u32 = house.came().iter().sum();
    for _ in 0..5 {
        // Out of the window, with all calls before, and what they earned.
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(house.say("stuck abc").await.unwrap_err().code(), Code::DeadlineExceeded);
    }
    // A fifth of one call is no hedge.
    assert_eq!(house.came().iter().sum::<u32>() - before, 5);
    assert_eq!(house.hedges(), 0);
    // Of five calls it is one.
    for _ in 0..4 {
        house.say("hello").await.unwrap();
    }
    house.say("stuck abc").await.unwrap_err();
    assert_eq!(house.hedges(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_delay_becomes_the_95th_percentile_of_the_method() {
    let mut house = House::new(&["a", "b"], BudgetConfig::default()).await;
    for _ in 0..300 {
        house.say("sleep 8").await.unwrap();
    }
    let (answer, waited) = house.hedged("stuck a").await;
    assert_eq!(answer.unwrap(), "b 1");
    assert!((8..=11).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn while_everybody_is_slow_nobody_is_hedged() {
    let mut house = House::new(&["a", "b"], BudgetConfig::default()).await;
    for _ in 0..2_000 {
        house.say("sleep 10").await.unwrap();
    }
    for _ in 0..300 {
        house.say("sleep 40").await.unwrap();
    }
    let before = house.hedges();
    for _ in 0..100 {
        house.say("sleep 40").await.unwrap();
    }
    assert_eq!(house.hedges(), before);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_its_caller_leaves_leaves_nothing_behind() {
    let mut house = House::new(&["a", "b", "c"], BudgetConfig::default()).await;
    let call = house.say("stuck abc");
    assert!(tokio::time::timeout(Duration::from_millis(500), call).await.is_err());
    tokio::time::sleep(MILLI).await;
    assert_eq!(house.dropped(), 3);
}
