//! What every call passes through on its way to the wire, from top to bottom.

use std::sync::Arc;

use mesh_policy::PolicyTable;
use tower::ServiceBuilder;

use super::{
    balance::Balance,
    deadline::{DeadlineLayer, KeepDeadline},
    endpoints::Endpoints,
    propagate::{Propagate, PropagateLayer},
};

/// What [`stack`] builds; named, so that the future of a call is a type and not one more box.
pub(super) type Stack = Propagate<KeepDeadline<Balance>>;

/// The client stack, a line a layer.
pub(super) fn stack(endpoints: Arc<Endpoints>, policies: PolicyTable) -> Stack {
    ServiceBuilder::new()
        // Outermost: whatever happens to the call below happens within its trace.
        .layer(PropagateLayer)
        // Around the choice of an endpoint: one deadline for the call, the wait for a connection included.
        .layer(DeadlineLayer::new(policies))
        // Innermost: every time a call is sent, it goes to whoever is there at that moment.
        .service(Balance::new(endpoints))
}
