//! What a server has to do, for whoever watches it.

use std::sync::Arc;

use mesh_policy::Criticality;

use super::Limiter;
use crate::server::rate_limit::Limits;

/// What a server has to do at the moment, and whom it has turned away. [`Server::load`](crate::Server::load) gives
/// it; it goes on telling while the server serves.
#[derive(Clone, Debug)]
pub struct Load {
    pub(in crate::server) limiter: Arc<Limiter>,
    pub(in crate::server) limits: Arc<Limits>,
}

impl Load {
    /// Calls that are worked on. Neither health nor reflection counts.
    pub fn in_flight(&self) -> u32 {
        self.limiter.in_flight()
    }

    /// How many may be worked on at once, for the highest class.
    pub fn limit(&self) -> u32 {
        self.limiter.limit()
    }

    /// Calls of a class that were turned away since the server was built.
    pub fn shed(&self, class: Criticality) -> u64 {
        self.limiter.shed_of(class)
    }

    /// Calls that were refused since the server was built, because their callers asked too often.
    pub fn rate_limited(&self) -> u64 {
        self.limits.refused()
    }
}
