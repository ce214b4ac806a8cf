//! What all endpoints of a channel share.

use mesh_telemetry::metrics::{ClientMetrics, Registered};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    ChannelConfig,
    backoff::Backoff,
    balance::{Epoch, Keeper, Queue, Random, Scale},
    dial::Dial,
    ping_interval::PingInterval,
};
use crate::{calls::Calls, wire::ClientSettings};

/// What all endpoints of a channel share.
pub(super) struct Wires {
    pub(super) dial: Box<dyn Dial>,
    pub(super) settings: ClientSettings,
    pub(super) ping_interval: PingInterval,
    pub(super) config: ChannelConfig,
    pub(super) backoff: Backoff,
    /// For decisions beside the path of calls.
    pub(super) random: Random,
    /// From which each call draws by its number.
    pub(super) draws: u64,
    /// By what loads are measured.
    pub(super) scale: Scale,
    /// Owns every task of the channel.
    pub(super) tasks: TaskTracker,
    pub(super) closed: CancellationToken,
    /// Makes a new snapshot whenever an endpoint has changed.
    pub(super) keeper: Keeper,
    /// Tells the resolver that an endpoint was lost or could not be reached.
    pub(super) trouble: Notify,
    /// Calls in flight on all endpoints.
    pub(super) calls: Calls,
    /// Calls that wait for an endpoint.
    pub(super) queue: Queue,
    pub(super) epoch: Epoch,
    pub(super) metrics: Registered<ClientMetrics>,
}

impl Wires {
    /// How HTTP/2 is spoken on the next connection.
    pub(super) fn settings_now(&self) -> ClientSettings {
        let mut settings = self.settings.clone();
        settings.keepalive.interval = self.ping_interval.get();
        settings
    }
}
