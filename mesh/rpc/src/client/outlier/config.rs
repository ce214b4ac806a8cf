//! When an endpoint that answers badly is left alone for a while.

use std::time::Duration;

use super::answers::PARTS;
use crate::bug::Bug;

/// Passive health: what makes an endpoint be ejected, for how long, and how many may be at once. The defaults are
/// gRFC A50's, which are Envoy's, and for failures in a row Linkerd's.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlierConfig {
    /// How often the endpoints are compared with each other (A50: 10 s).
    pub interval: Duration,
    /// The first ejection by comparison; the n-th in succession is n times as long (A50: 30 s).
    pub base_ejection_time: Duration,
    /// The longest of them (A50: 300 s).
    pub max_ejection_time: Duration,
    /// How many endpoints may be ejected at once, whatever for, in percent of all; always at least one (A50: 10).
    pub max_ejection_percent: u32,
    /// Below how many percent of endpoints that are there and not ejected ejections are ignored (Envoy's panic
    /// threshold: 50). Zero: they never are.
    pub panic_percent: u32,
    /// Ejects those that succeed less often than the others. `None`: no such comparison.
    pub success_rate: Option<SuccessRateConfig>,
    /// Ejects those that fail more often than a bound. `None`: no such comparison.
    pub failure_percentage: Option<FailurePercentageConfig>,
    /// Ejects those that fail many times in a row. `None`: nobody counts.
    pub consecutive: Option<ConsecutiveConfig>,
    /// Ejects those that have not succeeded often enough lately, whatever others do: with three endpoints, too few to
    /// be compared, it finds the one that fails every other call. `None`, as it is unless it is asked for (and as in
    /// Linkerd): nobody looks.
    pub rolling_success_rate: Option<RollingSuccessRateConfig>,
}

/// gRFC A50, "Success Rate Algorithm".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuccessRateConfig {
    /// Ejected is who is below `mean - stdev * stdev_factor / 1000` (A50: 1900).
    pub stdev_factor: u32,
    /// How probable it is that one who should be ejected is (A50: 100).
    pub enforcement_percent: u32,
    /// How many endpoints must have `request_volume` (A50: 5).
    pub minimum_hosts: usize,
    /// How many calls of an interval say something of an endpoint (A50: 100).
    pub request_volume: u32,
}

/// gRFC A50, "Failure Percentage Algorithm".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailurePercentageConfig {
    /// Ejected is who fails more often than that, in percent (A50: 85).
    pub threshold: u32,
    /// How probable it is that one who should be ejected is (A50: 100).
    pub enforcement_percent: u32,
    /// How many endpoints must have `request_volume` (A50: 5).
    pub minimum_hosts: usize,
    /// How many calls of an interval say something of an endpoint (A50: 50).
    pub request_volume: u32,
}

/// Linkerd's breaker ("consecutive failures").
#[derive(Clone, Debug, PartialEq)]
pub struct ConsecutiveConfig {
    /// How many failures in a row (Linkerd: 7).
    pub failures: u32,
    /// How long the first ejection lasts; each further one lasts twice as long as the one before (Linkerd: 1 s).
    pub penalty_min: Duration,
    /// The longest (Linkerd: 60 s).
    pub penalty_max: Duration,
    /// By up to which part of itself an ejection is longer than that (Linkerd: 0.5).
    pub jitter: f64,
}

/// Linkerd's breaker ("success rate").
#[derive(Clone, Debug, PartialEq)]
pub struct RollingSuccessRateConfig {
    /// Ejected is who succeeds less often than that, from 0 to 1 (Linkerd: 0.8). RESOURCE_EXHAUSTED, a deadline that
    /// passes and a connection that is lost are no successes either.
    pub threshold: f64,
    /// How far it looks back (Linkerd: 10 s). It looks every tenth of that.
    pub window: Duration,
    /// How many calls within the window say something of an endpoint, at least one (Linkerd: 5).
    pub request_volume: u32,
    /// How long the first ejection lasts; each further one lasts twice as long as the one before (Linkerd: 1 s).
    pub penalty_min: Duration,
    /// The longest (Linkerd: 60 s).
    pub penalty_max: Duration,
    /// By up to which part of itself an ejection is longer than that (Linkerd: 0.5).
    pub jitter: f64,
}

impl Default for OutlierConfig {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(10),
            base_ejection_time: Duration::from_secs(30),
            max_ejection_time: Duration::from_secs(300),
            max_ejection_percent: 10,
            panic_percent: 50,
            success_rate: Some(SuccessRateConfig::default()),
            failure_percentage: Some(FailurePercentageConfig::default()),
            consecutive: Some(ConsecutiveConfig::default()),
            rolling_success_rate: None,
        }
    }
}

impl Default for SuccessRateConfig {
    fn default() -> Self {
        Self { stdev_factor: 1_900, enforcement_percent: 100, minimum_hosts: 5, request_volume: 100 }
    }
}

impl Default for FailurePercentageConfig {
    fn default() -> Self {
        Self { threshold: 85, enforcement_percent: 100, minimum_hosts: 5, request_volume: 50 }
    }
}

impl Default for ConsecutiveConfig {
    fn default() -> Self {
        Self {
            failures: 7,
            penalty_min: Duration::from_secs(1),
            penalty_max: Duration::from_secs(60),
            jitter: 0.5,
        }
    }
}

impl Default for RollingSuccessRateConfig {
    fn default() -> Self {
        Self {
            threshold: 0.8,
            window: Duration::from_secs(10),
            request_volume: 5,
            penalty_min: Duration::from_secs(1),
            penalty_max: Duration::from_secs(60),
            jitter: 0.5,
        }
    }
}

impl OutlierConfig {
    pub(in crate::client) fn check(&self) -> Result<(), &'static str> {
        if self.interval < Duration::from_millis(10) {
            return Err("outlier.interval must be at least 10 ms");
        }
        if self.base_ejection_time.is_zero() {
            return Err("outlier.base_ejection_time must be more than 0");
        }
        if self.max_ejection_percent > 100 || self.panic_percent > 100 {
            return Err("outlier: a percentage is at most 100");
        }
        if let Some(consecutive) = &self.consecutive {
            if consecutive.failures == 0 {
                return Err("outlier.consecutive.failures must be at least 1");
            }
            if consecutive.penalty_min.is_zero() || consecutive.penalty_max < consecutive.penalty_min {
                return Err("outlier.consecutive: penalty_min must be more than 0 and at most penalty_max");
            }
            if !(0.0..=1.0).contains(&consecutive.jitter) {
                return Err("outlier.consecutive.jitter must be from 0 to 1");
            }
        }
        self.rolling_success_rate.as_ref().map_or(Ok(()), RollingSuccessRateConfig::check)
    }

    /// How often the rolling success rate is looked at, if it is.
    pub(in crate::client) fn part(&self) -> Option<Duration> {
        let parts = u32::try_from(PARTS).unwrap_or(u32::MAX);
        self.rolling_success_rate.as_ref().map(|rolling| rolling.window / parts)
    }

    /// How many of `endpoints` may be ejected at once.
    pub(super) fn most_ejected(&self, endpoints: usize) -> usize {
        if Bug::EjectionWithoutLimit.is_here() {
            return endpoints;
        }
        let percent = usize::try_from(self.max_ejection_percent).unwrap_or(usize::MAX);
        (endpoints.saturating_mul(percent) / 100).max(1)
    }
}

impl RollingSuccessRateConfig {
    fn check(&self) -> Result<(), &'static str> {
        if self.window < Duration::from_millis(100) {
            return Err("outlier.rolling_success_rate.window must be at least 100 ms");
        }
        if !(0.0..=1.0).contains(&self.threshold) || !(0.0..=1.0).contains(&self.jitter) {
            return Err("outlier.rolling_success_rate: threshold and jitter must be from 0 to 1");
        }
        if self.penalty_min.is_zero() || self.penalty_max < self.penalty_min {
            return Err(
                "outlier.rolling_success_rate: penalty_min must be more than 0 and at most penalty_max",
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rolling_success_rate_that_cannot_work_is_refused() {
        let with =
            |rolling| OutlierConfig { rolling_success_rate: Some(rolling), ..OutlierConfig::default() };
        let sound = RollingSuccessRateConfig::default();
        assert_eq!(with(sound.clone()).check(), Ok(()));
        assert_eq!(with(sound.clone()).part(), Some(Duration::from_secs(1)));
        for wrong in [
            RollingSuccessRateConfig { window: Duration::from_millis(99), ..sound.clone() },
            RollingSuccessRateConfig { threshold: 1.1, ..sound.clone() },
            RollingSuccessRateConfig { threshold: f64::NAN, ..sound.clone() },
            RollingSuccessRateConfig { jitter: -0.1, ..sound.clone() },
            RollingSuccessRateConfig { penalty_min: Duration::ZERO, ..sound.clone() },
            RollingSuccessRateConfig { penalty_max: Duration::from_millis(999), ..sound },
        ] {
            assert!(with(wrong.clone()).check().is_err(), "{wrong:?}");
        }
    }
}
