//! What it costs to tell of a call whose trace is not sampled: no allocation.

use std::{hint::black_box, time::Duration};

use allocation_counter::measure;
use mesh_telemetry::{
    Telemetry,
    metrics::{AttemptEnd, ClientMetrics, Repeats, ServerMetrics},
    spans::SpanKind,
};

#[test]
fn metrics_and_unsampled_spans_allocate_nothing_after_the_first_call_of_a_status() {
    let telemetry = Telemetry::new();
    telemetry.sampler().set(0.0).unwrap();
    telemetry.spans().open();
    let paths = ["/a.v1.A/A", "/a.v1.A/B"];
    let client = ClientMetrics::registered(telemetry.registry(), "dns:///a:1".to_owned(), paths);
    let server = ServerMetrics::registered(telemetry.registry(), paths);
    let call = |code| {
        let method = client.method(Some(1));
        method.attempt_started();
        let duration = Duration::from_micros(150);
        method.attempt_ended(&AttemptEnd { code, duration, sent: 100, received: 1_000 });
        method.call_ended(code, duration);
        method.call_repeated(&Repeats { retries: 1, retry_delay: duration, ..Repeats::default() });
        let method = server.method(black_box(server.find("/a.v1.A/B")));
        method.started();
        method.ended(code, duration, 1_000, 100);
        let root = telemetry.sampler().root();
        let recording = telemetry.record(&root.child(), Some(root.span_id), SpanKind::Server, || {
            panic!("nobody asks for the name of what is not sampled")
        });
        assert!(recording.is_none());
    };
    [0, 14].into_iter().for_each(call);
    let counted = measure(|| (0..1_000).for_each(|number| call(if number % 2 == 0 { 0 } else { 14 })));
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
}
