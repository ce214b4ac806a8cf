//! What is decided and counted about the repeats of a call, without the call: for the test that counts allocations.

use std::{fmt, sync::Arc, time::Duration};

use mesh_policy::PolicyTable;
use tonic::Code;

use super::{
    Allowance as _, Failure, Repeated, RetryConfig, Shared,
    machine::{Attempts, Step},
};
use crate::{
    client::{
        Target,
        adaptive_throttle::{AdaptiveThrottleConfig, Admission},
        methods::Repeats,
        telemetry::Instruments,
    },
    pushback::Pushback,
};

/// The budget, the throttle, the latencies and the counters of a channel that has no connections.
pub struct RepeatDecisions(Arc<Shared>);

impl RepeatDecisions {
    /// Those of a channel with the defaults.
    pub fn of(policies: PolicyTable) -> Self {
        let admission = Admission::new(&AdaptiveThrottleConfig::default(), 1);
        let telemetry = mesh_telemetry::Telemetry::new();
        let instruments = Instruments::new(telemetry, &Target::fixed([]), &policies);
        Self(Arc::new(Shared::new(&RetryConfig::default(), policies, None, admission, 1, instruments)))
    }

    /// A call of the method at `path`, of which one attempt fails with `code` and another one is answered. Whether
    /// another one may be made. `None` if no contract knows the method.
    pub fn decide(&self, path: &str, code: Code) -> Option<bool> {
        let index = self.0.methods.find(path)?;
        let mut call = Repeated::new(Arc::clone(&self.0), index, None);
        let failure =
            Failure { code, pushback: Pushback::Unsaid, unprocessed: false, sent: true, dropped: false };
        let again = match &self.0.methods.get(index).repeats {
            Repeats::Never => false,
            Repeats::Retries { policy, most } => {
                let step = Attempts::new(policy, *most).after(&failure, true, None, &*self.0);
                matches!(step, Step::Retry(_))
            }
            Repeats::Hedges { latency, .. } => {
                std::hint::black_box(latency.usual());
                latency.record(Duration::from_millis(7));
                self.0.failed();
                call.may_hedge()
            }
        };
        call.ended_with(code);
        self.0.throttle.succeeded();
        Some(again)
    }
}

impl fmt::Debug for RepeatDecisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RepeatDecisions").finish_non_exhaustive()
    }
}
