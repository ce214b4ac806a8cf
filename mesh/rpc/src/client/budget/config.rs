//! The bounds of repeats.

use std::time::Duration;

/// How many repeats there may be for the calls there are. Finagle's numbers (`RetryBudget.apply`), which Linkerd
/// took over: 20 % of the calls of ten seconds, and ten a second that need no calls to stand on.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetConfig {
    /// Repeats per call: 0.2 is one for five calls. Only calls of methods that may be repeated count.
    pub ratio: f64,
    /// Repeats a second that are there without any calls, so that a channel with few calls has some at all.
    pub min_per_second: u32,
    /// How long a call can be drawn on, and how long a repeat weighs.
    pub window: Duration,
}

impl Default for BudgetConfig {
    fn default() -> Self {
        Self { ratio: 0.2, min_per_second: 10, window: Duration::from_secs(10) }
    }
}

impl BudgetConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if !(self.ratio.is_finite() && self.ratio >= 0.0) {
            return Err("budget.ratio must not be negative");
        }
        if self.window < Duration::from_millis(10) {
            return Err("budget.window must be at least 10 ms");
        }
        Ok(())
    }
}

/// When repeats stop because too much fails (gRFC A6, "Throttling Retry Attempts and Hedged RPCs").
///
/// gRPC has no default; ours is the largest bucket that A6 allows. A small one is empty as soon as one of three
/// replicas takes the calls in flight with it, just when repeats would save them all; what lasts is bounded by the
/// budget.
#[derive(Clone, Debug, PartialEq)]
pub struct ThrottleConfig {
    /// The tokens of a full bucket, at most 1,000. A failure takes one; repeats stop at half of it.
    pub max_tokens: u32,
    /// The tokens that a success gives back, counted to a thousandth.
    pub token_ratio: f64,
}

impl Default for ThrottleConfig {
    fn default() -> Self {
        Self { max_tokens: 1_000, token_ratio: 0.1 }
    }
}

impl ThrottleConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if !(1..=1_000).contains(&self.max_tokens) {
            return Err("throttle.max_tokens must be from 1 to 1000");
        }
        if !(self.token_ratio >= 0.001 && self.token_ratio <= 1_000.0) {
            return Err("throttle.token_ratio must be from 0.001 to 1000");
        }
        Ok(())
    }
}
