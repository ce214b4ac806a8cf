//! Retries and hedges on a simulated network with crashes and partitions: what must hold whatever happens.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use echo::{UnaryRequest, echo_service_server::EchoServiceServer};
use mesh_policy::PolicyTable;
use mesh_rpc::{BudgetConfig, Channel, ChannelConfig, RetryConfig, Server, ServerConfig, Target};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request};
use turmoil::net::TcpListener;

use crate::{
    simulation::{Port, Simulated},
    support::{Echo, EchoClient, HEDGES, RETRIES, UNSAFE_RETRIES},
};

const SEEDS: u64 = 8;
const SERVERS: [&str; 3] = ["a", "b", "c"];
/// Calls of each kind, one every 20 ms: all within one window of the budget.
const CALLS: u32 = 300;
const PACE: Duration = Duration::from_millis(20);

/// SplitMix64: what happens when, from the seed alone.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    Crash(&'static str),
    Bounce(&'static str),
    Cut(&'static str),
    Mend(&'static str),
}

/// Every server has one trouble, at some time, for some time; not two servers at once.
fn faults(dice: &mut Dice) -> Vec<(Duration, Fault)> {
    let mut at = 500;
    let mut faults = Vec::new();
    for server in SERVERS {
        at += dice.below(500);
        let until = at + 300 + dice.below(900);
        let (begin, end) = match dice.below(2) {
            0 => (Fault::Crash(server), Fault::Bounce(server)),
            _ => (Fault::Cut(server), Fault::Mend(server)),
        };
        faults.extend([(Duration::from_millis(at), begin), (Duration::from_millis(until), end)]);
        at = until;
    }
    faults
}

/// What is known when all is over.
#[derive(Debug, PartialEq, Eq)]
struct Story {
    ended: Vec<(u32, Duration, Code)>,
    attempts: u64,
    repeats: u64,
    came: u32,
    written: BTreeMap<String, u32>,
}

async fn serve(echo: Echo) -> turmoil::Result {
    let server =
        Server::builder().service(EchoServiceServer::new(echo)).config(ServerConfig::default()).build()?;
    let listener = Port(TcpListener::bind("0.0.0.0:9000").await?);
    server.serve(listener, CancellationToken::new()).await?;
    Ok(())
}

fn connect(seed: u64, policies: &'static PolicyTable, budget: BudgetConfig) -> turmoil::Result<Channel> {
    let second = Duration::from_secs(1);
    let config = ChannelConfig {
        connect_timeout: second / 5,
        backoff_max: second,
        keepalive_interval: second / 5,
        keepalive_timeout: second / 5,
        ..ChannelConfig::default()
    };
    let target = Target::fixed(SERVERS.map(|server| (turmoil::lookup(server), 9000).into()));
    let retry = RetryConfig { budget, ..RetryConfig::default() };
    let channel =
        Channel::builder(target).connector(Simulated).config(config).policies(policies).retry(retry);
    Ok(channel.seed(seed).build()?)
}

/// Calls `text` and a number in an even pace, and waits for all of them.
async fn offer(channel: Channel, text: &'static str, story: Arc<Mutex<Story>>) -> turmoil::Result {
    let mut calls = Vec::new();
    for index in 0..CALLS {
        let (mut client, story) = (EchoClient::new(channel.clone()), Arc::clone(&story));
        calls.push(tokio::spawn(async move {
            let mut request = Request::new(UnaryRequest { text: format!("{text} {index}") });
            request.set_timeout(Duration::from_millis(1_500));
            let code = client.unary(request).await.map_or_else(|status| status.code(), |_| Code::Ok);
            story.lock().unwrap().ended.push((index, turmoil::elapsed(), code));
        }));
        tokio::time::sleep(PACE).await;
    }
    for call in calls {
        call.await?;
    }
    let mut story = story.lock().unwrap();
    for (_, counts) in channel.attempts() {
        let repeats =
            |counts: [u64; 4]| counts.iter().zip(1..).map(|(calls, times)| calls * times).sum::<u64>();
        story.attempts += counts.attempts;
        story.repeats += repeats(counts.retries) + repeats(counts.hedges);
    }
    Ok(())
}

fn tell(seed: u64, policies: &'static PolicyTable, text: &'static str, budget: BudgetConfig) -> Story {
    let mut simulation = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(60))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(5))
        .build();
    let (came, written) = (Arc::new(AtomicU32::new(0)), Arc::default());
    for server in SERVERS {
        let echo = Echo {
            name: server.to_owned(),
            came: Arc::clone(&came),
            written: Arc::clone(&written),
            ..Echo::default()
        };
        simulation.host(server, move || serve(echo.clone()));
    }
    let empty = Story { ended: Vec::new(), attempts: 0, repeats: 0, came: 0, written: BTreeMap::new() };
    let story = Arc::new(Mutex::new(empty));
    let told = Arc::clone(&story);
    simulation.client("client", async move { offer(connect(seed, policies, budget)?, text, told).await });
    let mut faults = faults(&mut Dice(seed)).into_iter().peekable();
    while !simulation.step().unwrap() {
        while let Some((_, fault)) = faults.next_if(|(at, _)| *at <= simulation.elapsed()) {
            match fault {
                Fault::Crash(server) => simulation.crash(server),
                Fault::Bounce(server) => simulation.bounce(server),
                Fault::Cut(server) => simulation.partition("client", server),
                Fault::Mend(server) => simulation.repair("client", server),
            }
        }
    }
    drop(simulation);
    let mut story = Arc::into_inner(story).unwrap().into_inner().unwrap();
    story.came = came.load(Ordering::Relaxed);
    story.written = std::mem::take(&mut written.lock().unwrap());
    story
}

fn strict() -> BudgetConfig {
    BudgetConfig { min_per_second: 0, ..BudgetConfig::default() }
}

fn ok(story: &Story) -> usize {
    story.ended.iter().filter(|(_, _, code)| *code == Code::Ok).count()
}

#[test]
fn attempts_stay_within_the_budget_and_help() {
    let (mut with, mut without) = (0, 0);
    for seed in 0..SEEDS {
        for policies in [&RETRIES, &HEDGES] {
            let story = tell(seed, policies, "hello", strict());
            assert_eq!(story.ended.len(), CALLS as usize, "seed {seed}: every call ends");
            assert_eq!(story.attempts, u64::from(CALLS) + story.repeats, "seed {seed}");
            assert!(story.repeats <= u64::from(CALLS) / 5, "seed {seed}: {} repeats", story.repeats);
            assert!(u64::from(story.came) <= story.attempts, "seed {seed}: {story:?}");
            with += ok(&story);
        }
        without += 2 * ok(&tell(seed, &UNSAFE_RETRIES, "hello", strict()));
    }
    assert!(with > without, "{with} of {} calls, {without} without repeats", SEEDS * 2 * u64::from(CALLS));
}

#[test]
fn no_write_is_executed_twice() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let story = tell(seed, &UNSAFE_RETRIES, "write", BudgetConfig::default());
        let twice: Vec<_> = story.written.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "seed {seed}: {twice:?}");
        for (index, _, code) in &story.ended {
            let written = story.written.contains_key(&index.to_string());
            assert!(written || *code != Code::Ok, "seed {seed}: {index} was acknowledged and not written");
            lost += u32::from(*code != Code::Ok);
        }
    }
    assert!(lost > 0, "the faults touch no write: the test shows nothing");
}

/// The counterpart: the same faults do execute some calls twice that may be. If not, the test above is blind.
#[test]
fn what_may_be_repeated_is_sometimes_executed_twice() {
    for policies in [&RETRIES, &HEDGES] {
        let twice = (0..SEEDS).any(|seed| {
            let story = tell(seed, policies, "write", BudgetConfig::default());
            story.written.values().any(|times| *times > 1)
        });
        assert!(twice, "{policies:?}");
    }
}

#[test]
fn every_story_can_be_told_again() {
    for seed in (0..SEEDS).step_by(4) {
        for policies in [&RETRIES, &HEDGES] {
            let story = || tell(seed, policies, "hello", BudgetConfig::default());
            assert_eq!(story(), story(), "seed {seed}");
        }
    }
}
