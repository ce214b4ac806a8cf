//! The bounds of attempts.

use crate::client::{
    attempt::MOST_ATTEMPTS,
    budget::{BudgetConfig, ThrottleConfig},
    latency::HedgeConfig,
};

/// How a channel repeats calls. What may be repeated, and for which codes, is for the contracts to say; this can
/// only lessen it.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryConfig {
    /// Attempts of a call in all, whatever its contract allows; 1 switches retries and hedges off. At most 5
    /// (gRFC A6).
    pub max_attempts: u32,
    /// How many bytes of a request that its caller streams are kept for another attempt, for each call, until its
    /// answer begins; a message counts for some more than its length. A request of which more was sent is not
    /// repeated, nor sent again when a server has not looked at it. A unary request is never copied and has no such
    /// bound. gRPC leaves the number to implementations; 64 KiB is Linkerd's (`MAX_RETRY_LENGTH`).
    pub replay_bytes_max: usize,
    /// The share of repeats: retries and hedges together, for the channel.
    pub budget: BudgetConfig,
    /// When repeats stop because too much fails.
    pub throttle: ThrottleConfig,
    /// When slowness is worth a second attempt.
    pub hedge: HedgeConfig,
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max_attempts: MOST_ATTEMPTS,
            replay_bytes_max: 64 * 1024,
            budget: BudgetConfig::default(),
            throttle: ThrottleConfig::default(),
            hedge: HedgeConfig::default(),
        }
    }
}

impl RetryConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if !(1..=MOST_ATTEMPTS).contains(&self.max_attempts) {
            return Err("max_attempts must be from 1 to 5");
        }
        self.budget.check()?;
        self.throttle.check()?;
        self.hedge.check()
    }
}
