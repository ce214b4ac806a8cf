//! How calls are spread over endpoints.

use std::time::Duration;

/// Which of the endpoints that are there gets the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancing {
    /// Of two endpoints chosen at random, the one with the lower peak EWMA of its latency times its calls in
    /// flight (Finagle's `PeakEwma`, as Linkerd has it).
    PeakEwma,
    /// Of some endpoints chosen at random, the one with the fewest calls in flight (gRFC A48).
    LeastRequest {
        /// How many are chosen, 2 to 10.
        choice_count: u32,
    },
    /// Each in turn.
    RoundRobin,
}

/// How calls are spread over endpoints.
///
/// Whatever the policy is, a call that carries a [`HashKey`](crate::HashKey), or whose contract names a `hash_key`, goes
/// where its key belongs.
#[derive(Clone, Debug, PartialEq)]
pub struct BalanceConfig {
    /// Who gets the next call.
    pub policy: Balancing,
    /// What the latency of an endpoint is taken for that has calls in flight and has answered none yet (Linkerd:
    /// 30 ms). One that has none at all is given a call first (Finagle).
    pub default_latency: Duration,
    /// How fast what was measured is forgotten (Finagle, Linkerd: 10 s).
    pub decay: Duration,
    /// What an answer that refuses or fails costs, as if it had taken that long (Linkerd's `PenaltyPeakEwma`: 5 s):
    /// an error that comes fast must not attract load.
    pub penalty: Duration,
    /// The most that a server's pushback counts as (Linkerd: 300 s).
    pub pushback_max: Duration,
    /// Whether a call whose contract names a `hash_key` goes where that field of its message belongs: all calls for
    /// one user meet the same replica, and its cache. Without it only calls with a [`HashKey`](crate::HashKey) do.
    pub by_hash_key: bool,
    /// By how much the load of an endpoint may exceed the mean before calls with a [`HashKey`](crate::HashKey)
    /// that belong there go on to the next one ("Consistent Hashing with Bounded Loads", Mirrokni et al., 2016).
    pub load_bound: f64,
    /// Calls in flight that are never too many for `load_bound`. In a channel with few calls the mean is below
    /// one, and two calls with one key would already part.
    pub load_bound_floor: u32,
    /// How an endpoint that has just come, or come back, is given its share.
    pub slow_start: SlowStartConfig,
}

impl Default for BalanceConfig {
    fn default() -> Self {
        Self {
            policy: Balancing::PeakEwma,
            default_latency: Duration::from_millis(30),
            decay: Duration::from_secs(10),
            penalty: Duration::from_secs(5),
            pushback_max: Duration::from_secs(300),
            by_hash_key: true,
            load_bound: 1.25,
            load_bound_floor: 4,
            slow_start: SlowStartConfig::default(),
        }
    }
}

/// Envoy's slow start: the share of an endpoint is `max(min_weight, (time / window)^(1 / aggression))` of what it
/// would be.
#[derive(Clone, Debug, PartialEq)]
pub struct SlowStartConfig {
    /// For how long an endpoint gets less than its share. Zero: not at all.
    pub window: Duration,
    /// 1 grows with time; more grows faster at first.
    pub aggression: f64,
    /// The share at the beginning, in percent (Envoy: 10).
    pub min_weight_percent: u32,
}

impl Default for SlowStartConfig {
    fn default() -> Self {
        Self { window: Duration::from_secs(10), aggression: 1.0, min_weight_percent: 10 }
    }
}

impl BalanceConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if let Balancing::LeastRequest { choice_count } = self.policy
            && !(2..=10).contains(&choice_count)
        {
            return Err("balance.policy: choice_count must be from 2 to 10");
        }
        if self.decay < Duration::from_millis(1) {
            return Err("balance.decay must be at least 1 ms");
        }
        if !(self.load_bound.is_finite() && self.load_bound > 1.0) {
            return Err("balance.load_bound must be more than 1");
        }
        if !(self.slow_start.aggression.is_finite() && self.slow_start.aggression > 0.0) {
            return Err("balance.slow_start.aggression must be more than 0");
        }
        if !(1..=100).contains(&self.slow_start.min_weight_percent) {
            return Err("balance.slow_start.min_weight_percent must be from 1 to 100");
        }
        Ok(())
    }
}
