//! Waiting until the machine has nothing else to do.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

/// How long the processors are watched.
const LOOK: Duration = Duration::from_millis(500);
/// How much of their time they may be at work meanwhile.
const BUSY_MAX: f64 = 0.05;
/// How long it may take until the servers have settled.
const PATIENCE: Duration = Duration::from_secs(120);

/// The time of all processors since the start, in ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spent {
    all: u64,
    idle: u64,
}

/// Waits until the servers have settled: what they were given before is flushed and compacted.
pub(super) async fn machine() -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut before = spent()?;
    loop {
        sleep(LOOK).await;
        let now = spent()?;
        if busy(before, now) <= BUSY_MAX {
            return Ok(());
        }
        anyhow::ensure!(
            Instant::now() < until,
            "the machine is at work all the time: nothing can be measured"
        );
        before = now;
    }
}

fn busy(before: Spent, now: Spent) -> f64 {
    let all = now.all.saturating_sub(before.all).max(1);
    1.0 - now.idle.saturating_sub(before.idle) as f64 / all as f64
}

fn spent() -> anyhow::Result<Spent> {
    let stat = std::fs::read_to_string("/proc/stat").context("needs Linux's /proc")?;
    read(&stat).context("/proc/stat has no line for all processors")
}

/// user, nice, system, idle, iowait, irq, softirq, steal; guests' time is within that of users (proc(5)).
fn read(stat: &str) -> Option<Spent> {
    let ticks = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().take(8);
    let ticks: Vec<u64> = ticks.map(str::parse).collect::<Result<_, _>>().ok()?;
    Some(Spent { all: ticks.iter().sum(), idle: ticks.get(3)? + ticks.get(4)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_disk_is_not_work() {
        let before = read("cpu  100 0 50 800 40 0 5 5 7 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!(before, Spent { all: 1_000, idle: 840 });
        let now = read("cpu  110 0 50 880 50 0 5 5 9 0\n").unwrap();
        assert!((busy(before, now) - 0.1).abs() < 1e-9);
        assert_eq!(read("intr 7\n"), None);
    }
}
