//! What a server tells of its calls, made once.

use std::fmt;

use mesh_policy::PolicyTable;
use mesh_telemetry::{
    Telemetry,
    metrics::{Registered, ServerMetrics, Snapshot, Source, Value},
    semconv::mesh::{self, describe},
};

use super::{Load, method};
use crate::criticality::{self, CLASSES};

/// The instruments of a server, and where its spans go.
pub(crate) struct Instruments {
    pub(super) telemetry: Telemetry,
    pub(super) metrics: Registered<ServerMetrics>,
    /// Of each method, whether its request may be read by another task than the call's: it is a stream, or nobody
    /// knows.
    streams: Box<[bool]>,
    /// Read by the registry, for as long as the server lives.
    _load: Registered<Load>,
}

/// What a server has to do, as telemetry reads it.
impl Source for Load {
    fn collect(&self, snapshot: &mut Snapshot) {
        let number = |number: u32| Value::UpDownCounter(number.into());
        snapshot.add(&describe::SERVER_IN_FLIGHT, Vec::new(), number(self.in_flight()));
        snapshot.add(&describe::SERVER_CONCURRENCY_LIMIT, Vec::new(), number(self.limit()));
        for class in CLASSES {
            let class_of = vec![(mesh::CRITICALITY, criticality::name(class).into())];
            snapshot.add(&describe::SERVER_SHED_REQUESTS, class_of, Value::Counter(self.shed(class)));
        }
        let refused = Value::Counter(self.rate_limited());
        snapshot.add(&describe::SERVER_RATE_LIMITED_REQUESTS, Vec::new(), refused);
    }
}

impl Instruments {
    pub(super) fn new(telemetry: Telemetry, policies: &PolicyTable, load: Load) -> Self {
        let paths = || policies.iter().map(|policy| policy.path).chain(method::OURS);
        let metrics = ServerMetrics::registered(telemetry.registry(), paths());
        let mut streams = vec![true; paths().count() + 1];
        for policy in policies.iter().filter(|policy| !policy.client_streaming) {
            streams[metrics.find(policy.path)] = false;
        }
        let _load = telemetry.registry().register(load);
        Self { telemetry, metrics, streams: streams.into(), _load }
    }

    pub(super) fn is_stream(&self, method: usize) -> bool {
        self.streams.get(method).copied().unwrap_or(true)
    }
}

impl fmt::Debug for Instruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instruments").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}
