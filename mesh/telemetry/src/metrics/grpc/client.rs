//! What a channel counts of its calls and attempts.

use std::time::Duration;

use super::{by_status::ByStatus, method_of, nanos, subchannels::Subchannels};
use crate::{
    metrics::{
        Attributes, Counter, Descriptor, HEDGES, Histogram, LATENCY_NANOS, RETRIES, Registered, Registry,
        SIZE_BYTES, Snapshot, Source, TRANSPARENT_RETRIES, Value, snapshot::Instrument,
    },
    semconv::{
        grpc::{self, describe},
        mesh,
    },
};

/// The instruments of a channel.
#[derive(Debug)]
pub struct ClientMetrics {
    target: String,
    /// Those of known methods, and one for all others at the end.
    methods: Box<[ClientMethod]>,
    pub(super) subchannels: Subchannels,
}

/// The instruments of one method of a channel.
#[derive(Debug)]
pub struct ClientMethod {
    name: &'static str,
    started: Counter,
    attempts: ByStatus<Attempts>,
    calls: ByStatus<Histogram>,
    repeats: RepeatsOf,
}

#[derive(Debug)]
struct Attempts {
    duration: Histogram,
    sent: Histogram,
    received: Histogram,
}

#[derive(Debug)]
struct RepeatsOf {
    retries: Histogram,
    transparent_retries: Histogram,
    hedges: Histogram,
    retry_delay: Histogram,
    suppressed: Counter,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub struct AttemptEnd {
    /// The status: gRPC's number of it.
    pub code: i32,
    /// How long it took, the wait for an endpoint included.
    pub duration: Duration,
    /// Bytes of request messages, without framing.
    pub sent: u64,
    /// Bytes of response messages, without framing.
    pub received: u64,
}

/// How often a call was attempted beyond the first time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Repeats {
    /// After a failure.
    pub retries: u32,
    /// Because nobody had seen it.
    pub transparent_retries: u32,
    /// Beside a slow attempt.
    pub hedges: u32,
    /// The time without an attempt under way.
    pub retry_delay: Duration,
    /// Whether the budget, or the throttle, allowed less than the contract.
    pub held_back: bool,
}

impl ClientMetrics {
    /// The instruments of a channel to `target` for the methods at `paths`.
    pub fn new(target: String, paths: impl IntoIterator<Item = &'static str>) -> Self {
        let known = paths.into_iter().map(method_of);
        let methods = known.chain([grpc::OTHER_METHOD]).map(ClientMethod::new).collect();
        Self { target, methods, subchannels: Subchannels::default() }
    }

    /// The same, read with `registry`.
    pub fn registered(
        registry: &Registry,
        target: String,
        paths: impl IntoIterator<Item = &'static str>,
    ) -> Registered<Self> {
        registry.register(Self::new(target, paths))
    }

    /// The instruments of a method by its place among the paths; those of all unknown methods for anything else.
    pub fn method(&self, index: Option<usize>) -> &ClientMethod {
        let last = self.methods.len() - 1;
        &self.methods[index.map_or(last, |index| index.min(last))]
    }

    /// The target of the channel.
    pub fn target(&self) -> &str {
        &self.target
    }
}

impl ClientMethod {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            started: Counter::default(),
            attempts: ByStatus::new(),
            calls: ByStatus::new(),
            repeats: RepeatsOf::new(),
        }
    }

    /// The name of the method in telemetry.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// An attempt begins.
    pub fn attempt_started(&self) {
        self.started.one();
    }

    /// An attempt is over.
    pub fn attempt_ended(&self, end: &AttemptEnd) {
        let of = self.attempts.get(end.code, Attempts::new);
        of.duration.record(nanos(end.duration));
        of.sent.record(end.sent);
        of.received.record(end.received);
    }

    /// A call is over, all its attempts included.
    pub fn call_ended(&self, code: i32, duration: Duration) {
        self.calls.get(code, || Histogram::new(&LATENCY_NANOS)).record(nanos(duration));
    }

    /// A call is over that was attempted more than once. Nothing is recorded of what there was none (gRFC A96).
    pub fn call_repeated(&self, repeats: &Repeats) {
        let counts = [repeats.retries, repeats.transparent_retries, repeats.hedges];
        if counts == [0; 3] && repeats.retry_delay.is_zero() && !repeats.held_back {
            return;
        }
        let of = &self.repeats;
        for (histogram, count) in [&of.retries, &of.transparent_retries, &of.hedges].into_iter().zip(counts) {
            if count > 0 {
                histogram.record(count.into());
            }
        }
        if !repeats.retry_delay.is_zero() {
            of.retry_delay.record(nanos(repeats.retry_delay));
        }
        if repeats.held_back {
            of.suppressed.one();
        }
    }
}

impl Attempts {
    fn new() -> Self {
        Self {
            duration: Histogram::new(&LATENCY_NANOS),
            sent: Histogram::new(&SIZE_BYTES),
            received: Histogram::new(&SIZE_BYTES),
        }
    }
}

impl RepeatsOf {
    fn new() -> Self {
        Self {
            retries: Histogram::new(&RETRIES),
            transparent_retries: Histogram::new(&TRANSPARENT_RETRIES),
            hedges: Histogram::new(&HEDGES),
            retry_delay: Histogram::new(&LATENCY_NANOS),
            suppressed: Counter::default(),
        }
    }
}

impl Source for ClientMetrics {
    fn collect(&self, snapshot: &mut Snapshot) {
        let target = || (grpc::TARGET, self.target.clone().into());
        for method in &self.methods {
            let attributes = || vec![(grpc::METHOD, method.name.into()), target()];
            let started = method.started.get();
            if started > 0 {
                snapshot.add(&describe::CLIENT_ATTEMPT_STARTED, attributes(), Value::Counter(started));
            }
            let with_status = |status: &'static str| {
                let mut attributes: Attributes = attributes();
                attributes.push((grpc::STATUS, status.into()));
                attributes
            };
            let mut add = |descriptor, attributes, histogram: &Histogram| {
                if !histogram.is_empty() {
                    snapshot.add(descriptor, attributes, histogram.value());
                }
            };
            for (status, of) in method.attempts.iter() {
                let parts: [(&'static Descriptor, _); 3] = [
                    (&describe::CLIENT_ATTEMPT_DURATION, &of.duration),
                    (&describe::CLIENT_ATTEMPT_SENT, &of.sent),
                    (&describe::CLIENT_ATTEMPT_RECEIVED, &of.received),
                ];
                parts.into_iter().for_each(|(what, histogram)| add(what, with_status(status), histogram));
            }
            for (status, duration) in method.calls.iter() {
                add(&describe::CLIENT_CALL_DURATION, with_status(status), duration);
            }
            let of = &method.repeats;
            let parts: [(&'static Descriptor, _); 4] = [
                (&describe::CLIENT_CALL_RETRIES, &of.retries),
                (&describe::CLIENT_CALL_TRANSPARENT_RETRIES, &of.transparent_retries),
                (&describe::CLIENT_CALL_HEDGES, &of.hedges),
                (&describe::CLIENT_CALL_RETRY_DELAY, &of.retry_delay),
            ];
            parts.into_iter().for_each(|(what, histogram)| add(what, attributes(), histogram));
            let suppressed = of.suppressed.get();
            if suppressed > 0 {
                let what = &mesh::describe::CLIENT_SUPPRESSED_RETRIES;
                snapshot.add(what, attributes(), Value::Counter(suppressed));
            }
        }
        self.subchannels.collect(&target, snapshot);
    }
}
