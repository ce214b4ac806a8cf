//! What a channel or a server tells, and to whom.

use std::sync::{Arc, LazyLock};

use crate::{
    SpanId, TraceContext,
    export::unix_nanos,
    metrics::{Registry, Snapshot, Value},
    semconv::mesh::describe,
    spans::{Recording, Sampler, SpanKind, SpanQueue},
};

/// Where the numbers and the spans of a process are: a handle, cheap to clone.
///
/// Channels and servers use [`Telemetry::of_process`] unless they are given another one, as tests do.
#[derive(Clone, Debug)]
pub struct Telemetry(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// When it began to count, in nanoseconds since 1970.
    started: u64,
    registry: Registry,
    spans: Arc<SpanQueue>,
    sampler: Sampler,
}

impl Telemetry {
    /// One of its own.
    pub fn new() -> Self {
        Self(Arc::new(Parts {
            started: unix_nanos(),
            registry: Registry::default(),
            spans: Arc::default(),
            sampler: Sampler::default(),
        }))
    }

    /// The one of this process.
    pub fn of_process() -> &'static Self {
        static TELEMETRY: LazyLock<Telemetry> = LazyLock::new(Telemetry::new);
        &TELEMETRY
    }

    /// When it began to count, in nanoseconds since 1970.
    pub fn started_unix_nanos(&self) -> u64 {
        self.0.started
    }

    /// Who has numbers to read.
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Spans that wait for an exporter.
    pub fn spans(&self) -> &Arc<SpanQueue> {
        &self.0.spans
    }

    /// Which traces are recorded.
    pub fn sampler(&self) -> &Sampler {
        &self.0.sampler
    }

    /// All numbers now, those of telemetry itself among them.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.0.registry.snapshot();
        let spans = self.spans();
        snapshot.add(&describe::SPANS_RECORDED, Vec::new(), Value::Counter(spans.recorded()));
        snapshot.add(&describe::SPANS_DROPPED, Vec::new(), Value::Counter(spans.dropped()));
        snapshot
    }

    /// Begins the span that `context` is, if its trace is sampled and somebody takes spans. `name` is asked only then.
    pub fn record(
        &self,
        context: &TraceContext,
        parent: Option<SpanId>,
        kind: SpanKind,
        name: impl FnOnce() -> String,
    ) -> Option<Box<Recording>> {
        let wanted = context.is_sampled() && self.spans().is_open();
        wanted.then(|| Box::new(Recording::begin(self.spans(), *context, parent, name(), kind)))
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        Self::new()
    }
}
