//! What a server tells of its calls, made once.

use std::sync::Arc;

use mesh_policy::PolicyTable;
use mesh_telemetry::{Telemetry, metrics::ServerMetrics};

use super::method;

/// The instruments of a server, and where its spans go.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(super) telemetry: Telemetry,
    pub(super) metrics: Arc<ServerMetrics>,
    /// Of each method, whether its request may be read by another task than the call's: it is a stream, or nobody
    /// knows.
    streams: Box<[bool]>,
}

impl Instruments {
    pub(super) fn new(telemetry: Telemetry, policies: &PolicyTable) -> Self {
        let paths = || policies.iter().map(|policy| policy.path).chain(method::OURS);
        let metrics = ServerMetrics::registered(telemetry.registry(), paths());
        let mut streams = vec![true; paths().count() + 1];
        for policy in policies.iter().filter(|policy| !policy.client_streaming) {
            streams[metrics.find(policy.path)] = false;
        }
        Self { telemetry, metrics, streams: streams.into() }
    }

    pub(super) fn is_stream(&self, method: usize) -> bool {
        self.streams.get(method).copied().unwrap_or(true)
    }
}
