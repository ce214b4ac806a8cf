//! What a server decides of a call before it works on it, without the call: for the test that counts allocations.

use std::{fmt, sync::Arc};

use http::Request;
use mesh_policy::{Criticality, PolicyTable};

use super::{
    LoadShedConfig, RateLimitConfig,
    rate_limit::Limits,
    shed::{Limiter, Permit},
};

/// The limiter and the rate limits of a server that has no connections.
pub struct ServerDecisions {
    limiter: Arc<Limiter>,
    limits: Limits,
}

impl ServerDecisions {
    /// Those of a server with this configuration and these contracts.
    ///
    /// # Errors
    /// When the configuration limits the values of a field that no contract names.
    pub fn of(
        shed: &LoadShedConfig,
        rate_limit: &RateLimitConfig,
        policies: PolicyTable,
    ) -> Result<Self, &'static str> {
        let limiter = Arc::new(Limiter::new(shed, policies.iter().len()));
        Ok(Self { limiter, limits: Limits::new(rate_limit, policies, 1)? })
    }

    /// Lets so many calls of a class in, one after the other, then answers and times them, the last one first. How
    /// many were let in before one was turned away.
    pub fn let_in(&self, class: Criticality, calls: u32) -> u32 {
        let Some(rest) = calls.checked_sub(1) else { return 0 };
        let Ok(admitted) = self.limiter.admit(class) else { return 0 };
        let mut permit = Permit::new(Arc::clone(&self.limiter), admitted, Some(0));
        let let_in = 1 + self.let_in(class, rest);
        permit.answered(true);
        let_in
    }

    /// Whether the bucket of the request's caller and method had one more call, which it has no longer.
    pub fn take<B>(&self, request: &Request<B>) -> bool {
        self.limits.take(request).is_ok()
    }
}

impl fmt::Debug for ServerDecisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerDecisions").finish_non_exhaustive()
    }
}
