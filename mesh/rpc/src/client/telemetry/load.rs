//! What a channel has under way, as telemetry reads it.

use std::sync::Arc;

use mesh_telemetry::{
    metrics::{Attributes, Registered, Snapshot, Source, Value},
    semconv::{grpc, mesh::describe},
};

use crate::client::{retry::Shared, wires::Wires};

/// What a channel has under way. Lives as long as the channel, which has it.
pub(in crate::client) struct Load {
    pub(in crate::client) wires: Arc<Wires>,
    pub(in crate::client) shared: Arc<Shared>,
}

impl Load {
    /// The same, read with all other numbers of the channel.
    pub(in crate::client) fn read(self) -> Registered<Self> {
        let telemetry = self.shared.instruments.telemetry.clone();
        telemetry.registry().register(self)
    }
}

impl Source for Load {
    fn collect(&self, snapshot: &mut Snapshot) {
        let Self { wires, shared } = self;
        let target =
            || -> Attributes { vec![(grpc::TARGET, shared.instruments.metrics.target().to_owned().into())] };
        let number = |number: usize| Value::UpDownCounter(i64::try_from(number).unwrap_or(i64::MAX));
        snapshot.add(&describe::CLIENT_IN_FLIGHT, target(), number(wires.calls.in_flight()));
        snapshot.add(&describe::CLIENT_QUEUED, target(), number(wires.queue.len()));
        let held_back = Value::Counter(shared.admission.held_back());
        snapshot.add(&describe::CLIENT_THROTTLED_CALLS, target(), held_back);
    }
}
