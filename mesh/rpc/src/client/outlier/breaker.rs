//! The breaker of one endpoint: when it is open, for how long, and what the probe decides.

use std::time::Duration;

use mesh_telemetry::metrics::Detection;
use tokio::time::Instant;

use super::{OutlierConfig, Record, answers::Answers};

/// Why an endpoint was ejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    SuccessRate,
    FailurePercentage,
    Consecutive,
    RollingSuccessRate,
}

/// How long an endpoint is ejected that is not compared with others: each time twice as long, until a probe passes.
struct Penalty {
    min: Duration,
    max: Duration,
    jitter: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Closed,
    Open { cause: Cause, until: Instant },
    HalfOpen { cause: Cause, since: Instant },
}

/// The breaker of one endpoint. The judge's own: calls see its [`Standing`](super::Standing).
#[derive(Debug)]
pub(in crate::client) struct Breaker {
    state: State,
    /// A50's ejection time multiplier: how often the endpoint was ejected by comparison, less the sweeps since.
    multiplier: u32,
    /// Ejections that were not by comparison, without a success in between.
    trips: u32,
    /// Whether it was to be ejected when it was last looked at, and there was no room: for failures in a row, for its
    /// rolling success rate.
    spared_in_a_row: bool,
    spared_by_rate: bool,
    pub(super) answers: Answers,
}

/// How long a probe may be under way before another call may try: one that hangs must not hold the endpoint.
const PROBE_PATIENCE: Duration = Duration::from_secs(60);

impl Cause {
    /// As telemetry calls it.
    pub(super) fn detection(self) -> Detection {
        match self {
            Self::SuccessRate => Detection::SuccessRate,
            Self::FailurePercentage => Detection::FailurePercentage,
            Self::Consecutive => Detection::Consecutive,
            Self::RollingSuccessRate => Detection::RollingSuccessRate,
        }
    }

    /// `None` where endpoints are compared with each other.
    fn penalty(self, config: &OutlierConfig) -> Option<Penalty> {
        match self {
            Self::SuccessRate | Self::FailurePercentage => None,
            Self::Consecutive => config.consecutive.as_ref().map(|it| Penalty {
                min: it.penalty_min,
                max: it.penalty_max,
                jitter: it.jitter,
            }),
            Self::RollingSuccessRate => config.rolling_success_rate.as_ref().map(|it| Penalty {
                min: it.penalty_min,
                max: it.penalty_max,
                jitter: it.jitter,
            }),
        }
    }
}

impl Breaker {
    pub(in crate::client) fn new() -> Self {
        Self {
            state: State::Closed,
            multiplier: 0,
            trips: 0,
            spared_in_a_row: false,
            spared_by_rate: false,
            answers: Answers::default(),
        }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(in crate::client) fn is_closed(&self) -> bool {
        self.state == State::Closed
    }

    pub(in crate::client) fn is_half_open(&self) -> bool {
        matches!(self.state, State::HalfOpen { .. })
    }

    /// Closed or half-open, or half-open once more, to open. `fraction` is random, from 0 up to 1.
    pub(super) fn open(&mut self, cause: Cause, config: &OutlierConfig, now: Instant, fraction: f64) {
        let time = match cause.penalty(config) {
            Some(Penalty { min, max, jitter }) => {
                self.trips = self.trips.saturating_add(1);
                let doublings = self.trips.saturating_sub(1).min(31);
                min.saturating_mul(1 << doublings).min(max).mul_f64(1.0 + jitter * fraction)
            }
            None => {
                self.multiplier = self.multiplier.saturating_add(1);
                let longest = config.max_ejection_time.max(config.base_ejection_time);
                config.base_ejection_time.saturating_mul(self.multiplier).min(longest)
            }
        };
        self.state = State::Open { cause, until: now + time };
    }

    /// Open to half-open, when its time is over. Also lets another probe through when one does not end.
    pub(super) fn pass_time(&mut self, now: Instant) -> bool {
        match self.state {
            State::Open { cause, until } if until <= now => {
                self.state = State::HalfOpen { cause, since: now };
                true
            }
            State::HalfOpen { cause, since } if since + PROBE_PATIENCE <= now => {
                self.state = State::HalfOpen { cause, since: now };
                true
            }
            _ => false,
        }
    }

    /// Half-open to closed. What was answered until now says nothing of what the endpoint is from now on.
    pub(in crate::client) fn close(&mut self, record: &Record) {
        self.state = State::Closed;
        self.trips = 0;
        self.answers.add(record.take_interval());
        self.answers.forget_lately();
    }

    /// Half-open to open.
    pub(super) fn reopen(&mut self, config: &OutlierConfig, now: Instant, fraction: f64) {
        if let State::HalfOpen { cause, .. } = self.state {
            self.open(cause, config, now, fraction);
        }
    }

    /// A sweep found nothing against the endpoint.
    pub(super) fn calm_down(&mut self) {
        if self.is_closed() {
            self.multiplier = self.multiplier.saturating_sub(1);
        }
    }

    /// Notes whether the endpoint is to be ejected for this, not by comparison, and is not. Returns whether that is
    /// new: the judge looks often, and one row is one finding.
    pub(super) fn begins_to_be_spared(&mut self, cause: Cause, is_spared: bool) -> bool {
        let spared = match cause {
            Cause::Consecutive => &mut self.spared_in_a_row,
            Cause::RollingSuccessRate => &mut self.spared_by_rate,
            // Compared once an interval: each time is a finding.
            Cause::SuccessRate | Cause::FailurePercentage => return is_spared,
        };
        let was_spared = std::mem::replace(spared, is_spared);
        is_spared && !was_spared
    }

    /// When time alone changes the state.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Closed => None,
            State::Open { until, .. } => Some(until),
            State::HalfOpen { since, .. } => Some(since + PROBE_PATIENCE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_for(breaker: &Breaker, now: Instant) -> u64 {
        match breaker.state {
            State::Open { until, .. } => (until - now).as_secs(),
            state => panic!("{state:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ejections_by_comparison_grow_by_30_s_up_to_300_s_and_shrink_by_one_a_sweep() {
        let (config, now) = (OutlierConfig::default(), Instant::now());
        let mut breaker = Breaker::new();
        for expected in [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300] {
            breaker.open(Cause::SuccessRate, &config, now, 0.9);
            assert_eq!(open_for(&breaker, now), expected);
            breaker.calm_down();
        }
        breaker.close(&Record::new(7));
        for _ in 0..11 {
            breaker.calm_down();
        }
        breaker.open(Cause::FailurePercentage, &config, now, 0.9);
        assert_eq!(open_for(&breaker, now), 60, "12 ejections less 11 sweeps, and this one");
    }

    #[tokio::test(start_paused = true)]
    async fn the_cap_never_shortens_the_first_ejection() {
        let config = OutlierConfig { max_ejection_time: Duration::from_secs(1), ..OutlierConfig::default() };
        let (mut breaker, now) = (Breaker::new(), Instant::now());
        for _ in 0..3 {
            breaker.open(Cause::SuccessRate, &config, now, 0.0);
            assert_eq!(open_for(&breaker, now), 30);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_cost_1_s_to_60_s_doubling_until_a_probe_passes() {
        let (config, now) = (OutlierConfig::default(), Instant::now());
        let mut breaker = Breaker::new();
        breaker.open(Cause::Consecutive, &config, now, 0.0);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(open_for(&breaker, now), expected);
            assert!(!breaker.pass_time(now + Duration::from_millis(expected * 1_000 - 1)));
            assert!(breaker.pass_time(now + Duration::from_secs(expected)));
            assert!(breaker.is_half_open());
            breaker.reopen(&config, now, 0.0);
        }
        assert!(breaker.pass_time(now + Duration::from_secs(60)));
        breaker.close(&Record::new(7));
        breaker.open(Cause::Consecutive, &config, now, 0.999_999);
        let State::Open { until, .. } = breaker.state else { panic!("{breaker:?}") };
        let time = (until - now).as_secs_f64();
        assert!((1.49..=1.5).contains(&time), "1 s and up to half of it: {time}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_never_ends_makes_room_for_another_after_a_minute() {
        let (config, now) = (OutlierConfig::default(), Instant::now());
        let mut breaker = Breaker::new();
        breaker.open(Cause::Consecutive, &config, now, 0.0);
        assert!(breaker.pass_time(now + Duration::from_secs(1)));
        assert!(!breaker.pass_time(now + Duration::from_secs(60)));
        assert!(breaker.pass_time(now + Duration::from_secs(61)));
    }
}
