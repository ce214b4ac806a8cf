//! What a call costs in allocations before and after it is on the wire: none.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attempts;
mod limits;
mod nowhere;
mod telemetry;

use allocation_counter::{AllocationInfo, measure};
use http::Extensions;
use mesh_rpc::{BalanceConfig, Balancing, ChannelConfig, Decisions, HashKey};
use tonic::Code;

use nowhere::connected;

const CODES: [Code; 6] = [
    Code::Ok,
    Code::NotFound,
    Code::Unavailable,
    Code::ResourceExhausted,
    Code::DeadlineExceeded,
    Code::Cancelled,
];

fn of_calls(decisions: &Decisions, extensions: &Extensions, codes: &[Code]) -> AllocationInfo {
    // The first on a thread makes room for its own bookkeeping.
    decisions.decide(extensions, Code::Ok).unwrap();
    measure(|| {
        for _ in 0..1_000 {
            for code in codes {
                decisions.decide(extensions, *code).unwrap();
            }
        }
    })
}

#[tokio::test]
async fn pick_load_and_outlier_record_allocate_nothing() {
    for policy in [Balancing::PeakEwma, Balancing::LeastRequest { choice_count: 5 }, Balancing::RoundRobin] {
        for endpoints in [1, 2, 100] {
            let balance = BalanceConfig { policy, ..BalanceConfig::default() };
            let config = ChannelConfig { balance, ..ChannelConfig::default() };
            let (_channel, decisions) = connected(endpoints, config).await;
            let found = of_calls(&decisions, &Extensions::new(), &CODES);
            assert_eq!((found.count_total, found.bytes_total), (0, 0), "{policy:?}, {endpoints} endpoints");
        }
    }
}

#[tokio::test]
async fn a_key_allocates_nothing_after_the_first() {
    let (_channel, decisions) = connected(10, ChannelConfig::default()).await;
    let mut extensions = Extensions::new();
    extensions.insert(HashKey(7));
    let found = of_calls(&decisions, &extensions, &[Code::Ok]);
    assert_eq!((found.count_total, found.bytes_total), (0, 0));
}

#[test]
fn the_counter_counts() {
    assert_eq!(measure(|| drop(std::hint::black_box(Box::new(7)))).count_total, 1);
}
