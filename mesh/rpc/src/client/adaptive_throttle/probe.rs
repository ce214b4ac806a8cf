//! What a channel holds back, without a channel: for the test that counts allocations.

use std::fmt;

use mesh_policy::Criticality;
use tokio::time::Instant;

use super::{AdaptiveThrottleConfig, Admission};

/// What a channel that has no connections holds back of its calls.
pub struct ThrottleDecisions(Admission);

impl ThrottleDecisions {
    /// Those of a channel with this configuration.
    pub fn of(config: &AdaptiveThrottleConfig) -> Self {
        Self(Admission::new(config, 1))
    }

    /// Whether a call of this class is sent, which a server then answers, or turns away.
    pub fn send(&self, class: Criticality, is_turned_away: bool) -> bool {
        let is_sent = self.0.ask(class, Instant::now());
        if is_sent && is_turned_away {
            self.0.refused(class);
        }
        is_sent
    }
}

impl fmt::Debug for ThrottleDecisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThrottleDecisions").finish_non_exhaustive()
    }
}
