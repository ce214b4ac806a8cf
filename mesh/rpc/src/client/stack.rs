//! What every call passes through on its way to the wire, from top to bottom.

use std::sync::Arc;

use tower::ServiceBuilder;

use super::{
    adaptive_throttle::{AdaptiveThrottle, AdaptiveThrottleLayer},
    balance::Balance,
    deadline::{DeadlineLayer, KeepDeadline},
    endpoints::Endpoints,
    retry::{Repeat, RepeatLayer, Shared},
    telemetry::{Attempts, AttemptsLayer, Calls, CallsLayer},
};

/// What [`stack`] builds; named, so that the future of a call is a type and not one more box.
pub(super) type Stack = Calls<KeepDeadline<AdaptiveThrottle<Repeat<Attempts<Balance>>>>>;

/// The client stack, a line a layer.
pub(super) fn stack(endpoints: Arc<Endpoints>, shared: Arc<Shared>, target: Arc<str>) -> Stack {
    ServiceBuilder::new()
        // Outermost: whatever happens to the call below happens within its trace, and its caller waits that long.
        .layer(CallsLayer::new(Arc::clone(&shared)))
        // Around all attempts: one deadline for the call, every wait for a connection and for a retry included.
        .layer(DeadlineLayer::new(Arc::clone(&shared)))
        // Around all attempts as well: what is held back here is not tried again.
        .layer(AdaptiveThrottleLayer::new(Arc::clone(&shared), target))
        // Around the choice of an endpoint, which each attempt makes anew.
        .layer(RepeatLayer::new(Arc::clone(&shared)))
        // Around each attempt, the wait for an endpoint included.
        .layer(AttemptsLayer::new(Arc::clone(&shared)))
        // Innermost: every time a call is sent, it goes to whoever is there at that moment.
        .service(Balance::new(endpoints, shared.replay_bytes_max))
}
