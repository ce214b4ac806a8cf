//! What a decision costs with ten, a thousand and ten thousand endpoints.
//!
//! `cargo bench -p mesh-rpc --bench pick --features probe`: nanoseconds on one thread, the least of many rounds.
//! *pick* is the choice of an endpoint that may be called and has room, and of a connection. *decision* is the whole path
//! of a call: pick, what the load and the outlier record are told in the end, and everything given back. What grows with
//! the endpoints is not work but memory: of ten thousand, those that a call touches are in no cache.

#[path = "../tests/allocations/nowhere.rs"]
mod nowhere;

use std::time::Duration;

use http::Extensions;
use mesh_rpc::{BalanceConfig, Balancing, ChannelConfig, Decisions, HashKey};
use tokio::time::Instant;
use tonic::Code;

/// What our programs allocate with: it keeps things of one size beside each other, so that ten thousand connections are
/// on a few hundred pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Many short rounds: on a busy machine some of them are not interrupted.
const ROUNDS: u32 = 500;
const CALLS: u32 = 2_000;
/// A connection whose peer says nothing takes one call at a time for half of that.
const SILENCE: Duration = Duration::from_secs(1);
/// So many calls are in flight while picks are measured.
const AT_ONCE: u32 = 40;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    println!("{:<24}{:>10}{:>10}{:>10}", "ns", 10, 1_000, 10_000);
    let policies = [
        ("peak EWMA", Balancing::PeakEwma, Key::None),
        ("least request", Balancing::LeastRequest { choice_count: 2 }, Key::None),
        ("round robin", Balancing::RoundRobin, Key::None),
        ("hash_key", Balancing::PeakEwma, Key::OfMessage),
        ("HashKey", Balancing::PeakEwma, Key::OfCaller),
    ];
    for (name, policy, key) in policies {
        let mut rows =
            [format!("{name}, pick"), format!("{name}, decision")].map(|name| format!("{name:<24}"));
        for endpoints in [10, 1_000, 10_000] {
            let balance = BalanceConfig { policy, ..BalanceConfig::default() };
            let (channel, decisions) =
                nowhere::connected(endpoints, ChannelConfig { balance, ..ChannelConfig::default() }).await;
            tokio::time::sleep(SILENCE).await;
            rows[0] += &format!("{:>10.0}", least(|first| picks(&decisions, key, first)));
            rows[1] += &format!("{:>10.0}", least(|first| decided(&decisions, key, first)));
            drop(channel);
        }
        println!("{}\n{}", rows[0], rows[1]);
    }
}

/// Who says where a call belongs.
#[derive(Clone, Copy)]
enum Key {
    None,
    /// Its contract, by a field of its message, which has been found already.
    OfMessage,
    /// Its caller, by a request extension. That is three allocations of the caller's; they count in the decision.
    OfCaller,
}

/// The least of many rounds, in nanoseconds for a call. `round` is told its first call, and says what it took.
fn least(round: impl Fn(u32) -> Duration) -> f64 {
    let one = |number| round(number * CALLS).as_secs_f64() * 1e9 / f64::from(CALLS);
    (0..ROUNDS).map(one).fold(f64::INFINITY, f64::min)
}

fn picks(decisions: &Decisions, key: Key, first: u32) -> Duration {
    let mut took = Duration::ZERO;
    let mut picked = Vec::with_capacity(AT_ONCE as usize);
    for some in (first..first + CALLS).step_by(AT_ONCE as usize) {
        let calls = some..some + AT_ONCE;
        let asked: Vec<_> = calls.clone().map(|call| extensions(key, call)).collect();
        let begun = Instant::now();
        for (call, extensions) in calls.zip(&asked) {
            let place = match key {
                Key::OfMessage => decisions.pick_by(u64::from(call)),
                Key::None | Key::OfCaller => decisions.pick(extensions),
            };
            picked.push(place.expect("there is room"));
        }
        took += begun.elapsed();
        // Given back before the next ones, and not counted.
        picked.clear();
    }
    took
}

fn decided(decisions: &Decisions, key: Key, first: u32) -> Duration {
    let begun = Instant::now();
    for call in first..first + CALLS {
        let decided = match key {
            Key::OfMessage => decisions.decide_by(u64::from(call), Code::Ok),
            Key::None | Key::OfCaller => decisions.decide(&extensions(key, call), Code::Ok),
        };
        std::hint::black_box(decided.expect("there is room"));
    }
    begun.elapsed()
}

/// What the caller of a call says about it.
fn extensions(key: Key, call: u32) -> Extensions {
    let mut extensions = Extensions::new();
    if let Key::OfCaller = key {
        extensions.insert(HashKey(u64::from(call)));
    }
    extensions
}
