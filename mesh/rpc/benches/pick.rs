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
    println!("{:<16}{:>12}{:>12}{:>12}", "ns per decision", 10, 1_000, 10_000);
    let policies = [
        ("peak EWMA", Balancing::PeakEwma, Key::None),
        ("least request", Balancing::LeastRequest { choice_count: 2 }, Key::None),
        ("round robin", Balancing::RoundRobin, Key::None),
        ("hash_key", Balancing::PeakEwma, Key::OfMessage),
        ("HashKey", Balancing::PeakEwma, Key::OfCaller),
    ];
    for (name, policy, key) in policies {
        print!("{name:<16}");
        for endpoints in [10, 1_000, 10_000] {
            let balance = BalanceConfig { policy, ..BalanceConfig::default() };
            let (channel, decisions) =
                nowhere::connected(endpoints, ChannelConfig { balance, ..ChannelConfig::default() }).await;
            print!("{:>12.0}", nanoseconds(&decisions, key));
            drop(channel);
        }
        println!();
    }
}

/// Who says where a call belongs.
#[derive(Clone, Copy)]
enum Key {
    None,
    /// Its contract, by a field of its message, which has been found already.
    OfMessage,
    /// Its caller, by a request extension. That is three allocations of the caller's, and counts here, too.
    OfCaller,
}

fn nanoseconds(decisions: &Decisions, key: Key) -> f64 {
    let round = |round| {
        let begun = Instant::now();
        for call in round * CALLS..(round + 1) * CALLS {
            let mut extensions = Extensions::new();
            let decided = match key {
                Key::OfMessage => decisions.decide_by(u64::from(call), Code::Ok),
                Key::None => decisions.decide(&extensions, Code::Ok),
                Key::OfCaller => {
                    extensions.insert(HashKey(u64::from(call)));
                    decisions.decide(&extensions, Code::Ok)
                }
            };
            std::hint::black_box(decided);
        }
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}
