//! What every call passes through on its way to the wire, from top to bottom.

use std::sync::Arc;

use tower::ServiceBuilder;

use super::{
    adaptive_throttle::{AdaptiveThrottle, AdaptiveThrottleLayer},
    balance::Balance,
    deadline::{DeadlineLayer, KeepDeadline},
    endpoints::Endpoints,
    propagate::{Propagate, PropagateLayer},
    retry::{Repeat, RepeatLayer, Shared},
};

/// What [`stack`] builds; named, so that the future of a call is a type and not one more box.
pub(super) type Stack = Propagate<KeepDeadline<AdaptiveThrottle<Repeat<Balance>>>>;

/// The client stack, a line a layer.
pub(super) fn stack(endpoints: Arc<Endpoints>, shared: Arc<Shared>, target: Arc<str>) -> Stack {
    ServiceBuilder::new()
        // Outermost: whatever happens to the call below happens within its trace.
        .layer(PropagateLayer)
        // Around all attempts: one deadline for the call, every wait for a connection and for a retry included.
        .layer(DeadlineLayer::new(Arc::clone(&shared)))
        // Around all attempts as well: what is held back here is not tried again.
        .layer(AdaptiveThrottleLayer::new(Arc::clone(&shared), target))
        // Around the choice of an endpoint, which each attempt makes anew.
        .layer(RepeatLayer::new(shared))
        // Innermost: every time a call is sent, it goes to whoever is there at that moment.
        .service(Balance::new(endpoints))
}
