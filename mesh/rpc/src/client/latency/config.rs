//! The bounds of hedges.

/// When a method is known well enough to be hedged, and when hedges cannot help.
#[derive(Clone, Debug, PartialEq)]
pub struct HedgeConfig {
    /// The share of answers that are there before a hedge is sent. 0.95 as in Dean and Barroso, "The Tail at Scale":
    /// one call in twenty sends a second attempt.
    pub quantile: f64,
    /// So many answers are known before their quantile takes the place of the contract's delay. Of 100 answers 5
    /// are above the 95th percentile.
    pub answers_min: u32,
    /// When the quantile is so many times what it usually is, everybody is slow, and no hedge is sent for slowness.
    /// Ours: nobody has published one. Twice as slow is clearly not the noise of a quantile of some hundred
    /// answers, and a service at twice its usual latency needs no further load.
    pub slow_factor: f64,
}

impl Default for HedgeConfig {
    fn default() -> Self {
        Self { quantile: 0.95, answers_min: 100, slow_factor: 2.0 }
    }
}

impl HedgeConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if !(self.quantile > 0.0 && self.quantile < 1.0) {
            return Err("hedge.quantile must be between 0 and 1");
        }
        if !(self.slow_factor >= 1.0 && self.slow_factor.is_finite()) {
            return Err("hedge.slow_factor must be at least 1");
        }
        Ok(())
    }
}
