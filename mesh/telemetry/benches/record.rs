//! What it costs to tell of a call.
//!
//! `cargo bench -p mesh-telemetry --bench record`: nanoseconds for all metrics of one call, on each side, without the
//! clock; for the start of a trace that is not sampled; and for one reading of the clock, to compare. On one thread,
//! the least of many rounds.

use std::{hint::black_box, time::Duration};

use mesh_telemetry::{
    Telemetry,
    metrics::{AttemptEnd, ClientMetrics, ServerMetrics},
    spans::SpanKind,
};
use tokio::time::Instant;

/// Many short rounds: on a busy machine some of them are not interrupted.
const ROUNDS: u32 = 500;
const CALLS: u32 = 2_000;

fn main() {
    let telemetry = Telemetry::new();
    let _ = telemetry.sampler().set(0.0);
    let paths = ["/a.v1.A/A", "/a.v1.A/B", "/a.v1.A/C"];
    let client = ClientMetrics::registered(telemetry.registry(), "dns:///a:1".to_owned(), paths);
    let server = ServerMetrics::registered(telemetry.registry(), paths);
    measure("client: one attempt and its call", |call| {
        let method = client.method(black_box(Some(1)));
        method.attempt_started();
        let duration = Duration::from_nanos(u64::from(call % 1_000) * 1_000);
        method.attempt_ended(&AttemptEnd { code: 0, duration, sent: 100, received: 100 });
        method.call_ended(0, duration);
    });
    measure("server: one call, its method found", |call| {
        let method = server.method(server.find(black_box("/a.v1.A/B")));
        method.started();
        method.ended(0, Duration::from_nanos(u64::from(call % 1_000) * 1_000), 100, 100);
    });
    measure("a trace that is not sampled", |_| {
        let root = telemetry.sampler().root();
        let context = root.child();
        black_box(telemetry.record(&context, Some(root.span_id), SpanKind::Client, String::new));
        black_box(context.encode());
    });
    measure("the clock, once", |_| {
        black_box(Instant::now());
    });
}

fn measure(name: &str, call: impl Fn(u32)) {
    let round = |_| {
        let begun = Instant::now();
        (0..CALLS).for_each(&call);
        begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    println!("{name:<40}{:>8.1} ns", (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min));
}
