use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::metrics::{LATENCY_NANOS, Unit, Value};

const fn descriptor(name: &'static str, kind: Kind) -> Descriptor {
    Descriptor { name, kind, unit: Unit::Of("call"), help: "Calls." }
}

static CALLS: Descriptor = descriptor("mesh.calls", Kind::Counter);
static OPEN: Descriptor = descriptor("mesh.open", Kind::UpDownCounter);
static TIMES: Descriptor = descriptor("mesh.times", Kind::Histogram);

fn calls(registry: &Registry, target: &str) -> Option<u64> {
    match registry.snapshot().get("mesh.calls", &[("grpc.target", target)])? {
        Value::Counter(calls) => Some(*calls),
        other => panic!("{other:?}"),
    }
}

fn to(target: &str) -> Attributes {
    vec![("grpc.target", target.to_owned().into())]
}

#[test]
fn what_was_counted_stays_and_what_is_not_there_any_more_does_not() {
    let registry = Registry::default();
    let kept = registry.counter(&CALLS, to("a"));
    for _ in 0..1_000 {
        registry.counter(&CALLS, to("a")).one();
        registry.up_down_counter(&OPEN, to("a")).add(1);
        registry.histogram(&TIMES, &LATENCY_NANOS, to("a")).record(7);
        // Nothing was counted, and there is nothing to keep.
        drop(registry.counter(&CALLS, to("b")));
    }
    kept.add(7);
    assert_eq!((calls(&registry, "a"), calls(&registry, "b")), (Some(1_007), None));
    let (snapshot, target) = (registry.snapshot(), [("grpc.target", "a")]);
    assert_eq!(snapshot.get("mesh.open", &target), None);
    let Some(Value::Histogram { counts, sum, .. }) = snapshot.get("mesh.times", &target) else {
        panic!("{snapshot:?}")
    };
    assert_eq!((counts.iter().sum::<u64>(), *sum), (1_000, 7_000));
    assert_eq!(registry.lock().live.len(), 1);
}

#[test]
fn a_source_is_read_until_its_last_handle_is_gone() {
    let registry = Registry::default();
    let one = registry.counter(&CALLS, to("a"));
    let other = one.clone();
    one.add(2);
    drop(one);
    other.add(3);
    assert_eq!((calls(&registry, "a"), registry.lock().live.len()), (Some(5), 1));
    drop(other);
    assert_eq!((calls(&registry, "a"), registry.lock().live.len()), (Some(5), 0));
}

/// Whoever reads while others come and go never sees a counter go down: Prometheus would take it for a restart.
#[test]
fn a_counter_does_not_go_down_for_a_moment() {
    let registry = Registry::default();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !is_over.load(Ordering::Relaxed) {
                let now = calls(&registry, "a").unwrap_or(0);
                assert!(now >= last, "{now} after {last}");
                last = now;
            }
        });
        for _ in 0..20_000 {
            registry.counter(&CALLS, to("a")).one();
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    assert_eq!(calls(&registry, "a"), Some(20_000));
}

#[test]
fn of_ever_new_targets_only_so_many_are_remembered() {
    let registry = Registry::default();
    registry.counter(&CALLS, to("0")).one();
    for target in 0..2 * MOST_POINTS {
        registry.counter(&CALLS, to(&target.to_string())).one();
    }
    registry.counter(&CALLS, to("0")).one();
    let points: usize = registry.lock().gone.families().map(|family| family.points.len()).sum();
    assert_eq!((points, calls(&registry, "0")), (MOST_POINTS, Some(3)));
}

/// A source that has another one.
struct Outer(Registered<Single<Counter>>);

impl Source for Outer {
    fn collect(&self, snapshot: &mut Snapshot) {
        snapshot.add(&CALLS, to("outer"), Value::Counter(self.0.get()));
    }
}

#[test]
fn what_ends_with_a_source_is_kept_as_well() {
    let registry = Registry::default();
    let inner = registry.counter(&CALLS, to("inner"));
    inner.add(4);
    drop(registry.register(Outer(inner)));
    assert_eq!((calls(&registry, "outer"), calls(&registry, "inner")), (Some(4), Some(4)));
}
