//! What a server counts of its calls.

use std::time::Duration;

use super::{by_status::ByStatus, method_of, nanos};
use crate::{
    metrics::{
        Attributes, Counter, Histogram, LATENCY_NANOS, Registered, Registry, SIZE_BYTES, Snapshot, Source,
        Value, snapshot::Instrument,
    },
    semconv::grpc::{self, describe},
};

/// The instruments of a server.
#[derive(Debug)]
pub struct ServerMetrics {
    /// Those of known methods by path, and one for all others at the end.
    methods: Box<[ServerMethod]>,
}

/// The instruments of one method of a server.
#[derive(Debug)]
pub struct ServerMethod {
    path: &'static str,
    name: &'static str,
    started: Counter,
    calls: ByStatus<Calls>,
}

#[derive(Debug)]
struct Calls {
    duration: Histogram,
    sent: Histogram,
    received: Histogram,
}

impl ServerMetrics {
    /// The instruments of a server that knows the methods at `paths`, in any order.
    pub fn new(paths: impl IntoIterator<Item = &'static str>) -> Self {
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort_unstable();
        paths.dedup();
        let known = paths.into_iter().map(|path| ServerMethod::new(path, method_of(path)));
        Self { methods: known.chain([ServerMethod::new("", grpc::OTHER_METHOD)]).collect() }
    }

    /// The same, read with `registry`.
    pub fn registered(
        registry: &Registry,
        paths: impl IntoIterator<Item = &'static str>,
    ) -> Registered<Self> {
        registry.register(Self::new(paths))
    }

    /// Where the method at `path` is; the last place for all that nobody knows.
    pub fn find(&self, path: &str) -> usize {
        let last = self.methods.len() - 1;
        self.methods[..last].binary_search_by(|method| method.path.cmp(path)).unwrap_or(last)
    }

    /// The instruments at a place.
    pub fn method(&self, index: usize) -> &ServerMethod {
        &self.methods[index.min(self.methods.len() - 1)]
    }

    /// Whether nobody knows the method at a place.
    pub fn is_other(&self, index: usize) -> bool {
        index + 1 >= self.methods.len()
    }
}

impl ServerMethod {
    fn new(path: &'static str, name: &'static str) -> Self {
        Self { path, name, started: Counter::default(), calls: ByStatus::new() }
    }

    /// The name of the method in telemetry.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A call begins.
    pub fn started(&self) {
        self.started.one();
    }

    /// A call is over: with this status, after this time, with so many bytes of response and request messages.
    pub fn ended(&self, code: i32, duration: Duration, sent: u64, received: u64) {
        let of = self.calls.get(code, Calls::new);
        of.duration.record(nanos(duration));
        of.sent.record(sent);
        of.received.record(received);
    }
}

impl Calls {
    fn new() -> Self {
        Self {
            duration: Histogram::new(&LATENCY_NANOS),
            sent: Histogram::new(&SIZE_BYTES),
            received: Histogram::new(&SIZE_BYTES),
        }
    }
}

impl Source for ServerMetrics {
    fn collect(&self, snapshot: &mut Snapshot) {
        for method in &self.methods {
            let attributes = || -> Attributes { vec![(grpc::METHOD, method.name.into())] };
            let started = method.started.get();
            if started > 0 {
                snapshot.add(&describe::SERVER_CALL_STARTED, attributes(), Value::Counter(started));
            }
            for (status, of) in method.calls.iter() {
                for (descriptor, histogram) in [
                    (&describe::SERVER_CALL_DURATION, &of.duration),
                    (&describe::SERVER_CALL_SENT, &of.sent),
                    (&describe::SERVER_CALL_RECEIVED, &of.received),
                ] {
                    let mut attributes = attributes();
                    attributes.push((grpc::STATUS, status.into()));
                    snapshot.add(descriptor, attributes, histogram.value());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_methods_by_path_and_one_place_for_all_others() {
        let metrics = ServerMetrics::new(["/b.B/Get", "/a.A/Get", "/b.B/Get"]);
        let name = |path: &str| metrics.method(metrics.find(path)).name();
        assert_eq!((name("/a.A/Get"), name("/b.B/Get")), ("a.A/Get", "b.B/Get"));
        for made_up in ["", "/a.A/Gets", "b.B/Get", "/"] {
            assert_eq!(name(made_up), "other", "{made_up}");
            assert!(metrics.is_other(metrics.find(made_up)));
        }
        assert!(!metrics.is_other(metrics.find("/b.B/Get")));
    }

    #[test]
    fn a_status_that_is_none_is_unknown() {
        let registry = Registry::default();
        let metrics = ServerMetrics::registered(&registry, []);
        metrics.method(0).ended(99, Duration::from_millis(3), 1, 2);
        metrics.method(0).ended(-1, Duration::from_millis(3), 1, 2);
        let snapshot = registry.snapshot();
        let attributes = [(grpc::METHOD, "other"), (grpc::STATUS, "UNKNOWN")];
        let Some(Value::Histogram { counts, sum, .. }) =
            snapshot.get(grpc::SERVER_CALL_RECEIVED, &attributes)
        else {
            panic!("{snapshot:?}")
        };
        assert_eq!((counts.iter().sum::<u64>(), *sum), (2, 4));
    }
}
