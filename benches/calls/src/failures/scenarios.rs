//! One failure after the other.

use std::time::Duration;

use tokio::time::sleep_until;

use super::{
    Failure,
    offered::{Offered, client},
    replicas::{Capacity, Replica},
    tally::Tally,
};
use crate::Kind;

/// What the three replicas are offered together, a second: a part of what two of them can do.
const RATE: u64 = 1_500;
const THREE: Capacity = Capacity { slots: 16, work: Duration::from_millis(4) };
/// The deadline of every call while one replica fails.
const DEADLINE: Duration = Duration::from_secs(2);

/// What the one replica can do that is overloaded: 1,000 calls a second at most. A timer is up to a millisecond late, and
/// the next call begins later still: each takes ten.
const ONE: Capacity = Capacity { slots: 10, work: Duration::from_millis(9) };
const ONE_RATE: u64 = 1_000;
/// The deadline of every call meanwhile.
const SHORT: Duration = Duration::from_millis(200);

pub(super) async fn run(failure: Failure, kind: Kind) -> anyhow::Result<()> {
    match failure {
        Failure::Killed => killed(kind).await,
        Failure::Slow => slow(kind).await,
        Failure::Refusing => refusing(kind).await,
        Failure::Restarted => restarted(kind).await,
        Failure::Overload => overload(kind).await,
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Three replicas and calls to them.
async fn three(kind: Kind) -> anyhow::Result<(Vec<Replica>, Offered)> {
    let mut replicas = Vec::new();
    for _ in 0..3 {
        replicas.push(Replica::start(kind, THREE).await?);
    }
    let at = replicas.iter().map(|replica| replica.at).collect();
    let offered = Offered::begin(client(kind, at, DEADLINE).await?, RATE);
    Ok((replicas, offered))
}

fn print(kind: Kind, failure: &str, what: &str) {
    println!("{failure:<10} {:<6} {what}", format!("{kind:?}").to_lowercase());
}

fn brief(tally: &Tally) -> String {
    let (p50, p99) = (tally.percentile(0.5), tally.percentile(0.99));
    let codes = tally.codes();
    let codes = if codes.is_empty() { String::new() } else { format!(" ({codes})") };
    format!("{} calls, {} failed{codes}, p50 {p50:.1?}, p99 {p99:.1?}", tally.made(), tally.failed())
}

async fn killed(kind: Kind) -> anyhow::Result<()> {
    let (mut replicas, offered) = three(kind).await?;
    sleep_until(offered.since + seconds(4)).await;
    replicas[0].kill().await?;
    sleep_until(offered.since + seconds(12)).await;
    let tally = offered.end().await?.between(seconds(2), seconds(12));
    print(kind, "killed", &brief(&tally));
    Ok(())
}

async fn slow(kind: Kind) -> anyhow::Result<()> {
    let (mut replicas, offered) = three(kind).await?;
    sleep_until(offered.since + seconds(6)).await;
    replicas[0].tell("slower 300").await?;
    sleep_until(offered.since + seconds(16)).await;
    let tally = offered.end().await?;
    let (healthy, slow) = (tally.between(seconds(2), seconds(6)), tally.between(seconds(6), seconds(16)));
    let ratio = slow.percentile(0.99).as_secs_f64() / healthy.percentile(0.99).as_secs_f64();
    print(kind, "slow", &format!("healthy: {}", brief(&healthy)));
    print(kind, "slow", &format!("one slow: {}; p99 {ratio:.2} of healthy", brief(&slow)));
    Ok(())
}

async fn refusing(kind: Kind) -> anyhow::Result<()> {
    let (mut replicas, offered) = three(kind).await?;
    sleep_until(offered.since + seconds(4)).await;
    replicas[0].tell("refuse on").await?;
    sleep_until(offered.since + seconds(14)).await;
    let tally = offered.end().await?.between(seconds(4), seconds(14));
    // Its method is not retried for this code, so each call that it was given has failed.
    let given = tally.failed() as f64 / tally.made() as f64 * 100.0;
    print(kind, "refusing", &format!("{}; the one that refuses was given {given:.2} %", brief(&tally)));
    Ok(())
}

async fn restarted(kind: Kind) -> anyhow::Result<()> {
    let (mut replicas, offered) = three(kind).await?;
    for (n, replica) in (0..).zip(&mut replicas) {
        sleep_until(offered.since + seconds(3 + 3 * n)).await;
        replica.restart().await?;
    }
    sleep_until(offered.since + seconds(12)).await;
    let tally = offered.end().await?.between(seconds(2), seconds(12));
    print(kind, "restarted", &brief(&tally));
    Ok(())
}

/// Offers what the replica can do, then five times as much, then four fifths; a tenth of the calls is critical.
async fn overload(kind: Kind) -> anyhow::Result<()> {
    let replica = Replica::start(kind, ONE).await?;
    let offered = Offered::begin(client(kind, vec![replica.at], SHORT).await?, ONE_RATE / 2);
    let since = offered.since;
    let phase = async |until: u64| sleep_until(since + seconds(until)).await;
    phase(3).await;
    // A little below what fits: in an open loop a queue at the limit itself grows without end.
    offered.rate(ONE_RATE * 9 / 10, 100);
    phase(8).await;
    offered.rate(ONE_RATE * 5, 100);
    phase(18).await;
    offered.rate(ONE_RATE * 8 / 10, 100);
    phase(26).await;
    let tally = offered.end().await?;
    let (peak, over) = (tally.between(seconds(4), seconds(8)), tally.between(seconds(9), seconds(18)));
    let after = tally.between(seconds(18), seconds(26));
    let goodput = |tally: &Tally, seconds: f64| tally.succeeded() as f64 / seconds;
    let (before, during) = (goodput(&peak, 4.0), goodput(&over, 9.0));
    print(kind, "overload", &format!("as much as fits: {before:.0}/s succeed, {}", brief(&peak)));
    let critical = over.only(|ended| ended.is_critical).share() * 100.0;
    print(
        kind,
        "overload",
        &format!(
            "five times: {during:.0}/s succeed, {:.2} of the peak; critical {critical:.2} % served; {}",
            during / before,
            brief(&over)
        ),
    );
    print(kind, "overload", &format!("after it: {}; {}", recovery(&after), brief(&after)));
    Ok(())
}

/// When nearly all calls succeed again and go on doing so.
fn recovery(after: &Tally) -> String {
    let half = Duration::from_millis(500);
    let good = |n: u32| after.between(seconds(18) + half * n, seconds(18) + half * (n + 1)).share() >= 0.99;
    match (0..16).find(|n| (*n..16).all(good)) {
        Some(n) => format!("99 % succeed again {:.1?} later", half * n),
        None => "it does not recover by itself within 8 s".to_owned(),
    }
}
