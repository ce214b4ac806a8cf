//! What a decision costs with ten, a thousand and ten thousand endpoints.
//!
//! `cargo bench -p mesh-rpc --bench pick`: nanoseconds for the whole decision path of a call (what it asks for, pick,
//! connection, load, outlier record, and everything given back), on one thread, the least of many rounds. What grows
//! with the endpoints is not work but memory: of ten thousand, those that a call touches are in no cache.

#[path = "../tests/allocations/nowhere.rs"]
mod nowhere;

use http::Extensions;
use mesh_rpc::{BalanceConfig, Balancing, ChannelConfig, Decisions, HashKey};
use tokio::time::Instant;
use tonic::Code;

/// Many short rounds: on a busy machine some of them are not interrupted.
const ROUNDS: u32 = 500;
const CALLS: u32 = 2_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() {
    let mut keyed = Extensions::new();
    keyed.insert(HashKey(0));
    println!("{:<16}{:>12}{:>12}{:>12}", "ns per decision", 10, 1_000, 10_000);
    let policies = [
        ("peak EWMA", Balancing::PeakEwma, false),
        ("least request", Balancing::LeastRequest { choice_count: 2 }, false),
        ("round robin", Balancing::RoundRobin, false),
        ("hash", Balancing::PeakEwma, true),
    ];
    for (name, policy, by_key) in policies {
        print!("{name:<16}");
        for endpoints in [10, 1_000, 10_000] {
            let balance = BalanceConfig { policy, ..BalanceConfig::default() };
            let (channel, decisions) =
                nowhere::connected(endpoints, ChannelConfig { balance, ..ChannelConfig::default() }).await;
            print!("{:>12.0}", nanoseconds(&decisions, by_key));
            drop(channel);
        }
        println!();
    }
}

fn nanoseconds(decisions: &Decisions, by_key: bool) -> f64 {
    let round = |round| {
        let begun = Instant::now();
        for call in round * CALLS..(round + 1) * CALLS {
            let mut extensions = Extensions::new();
            if by_key {
                // The insertion is the caller's, and one allocation: it counts here, too.
                extensions.insert(HashKey(u64::from(call)));
            }
            std::hint::black_box(decisions.decide(&extensions, Code::Ok));
        }
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}
