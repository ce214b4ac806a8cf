//! When calls are held back.

use std::time::Duration;

/// When calls are held back.
#[derive(Clone, Debug, PartialEq)]
pub struct AdaptiveThrottleConfig {
    /// Whether calls are held back at all.
    pub enabled: bool,
    /// How many calls are asked for, at most, for one that is accepted (the SRE book's K: 2). The more, the sooner
    /// the channel notices that a server has room again, and the more work it has with turning calls away.
    pub ratio: f64,
    /// How long a call counts, at most: a fifth of it, if there are a hundred calls in that. The SRE book has two
    /// minutes; but what was turned away then holds calls back for as long after the overload is over, nearly. With two
    /// seconds goodput is back within one where there are many calls; and at 50 a second there are a hundred to judge by.
    pub window: Duration,
}

impl Default for AdaptiveThrottleConfig {
    fn default() -> Self {
        Self { enabled: true, ratio: 2.0, window: Duration::from_secs(2) }
    }
}

impl AdaptiveThrottleConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if !(self.ratio.is_finite() && self.ratio >= 1.0) {
            return Err("adaptive_throttle.ratio must be at least 1");
        }
        if self.window < Duration::from_millis(10) {
            return Err("adaptive_throttle.window must be at least 10 ms");
        }
        Ok(())
    }
}
