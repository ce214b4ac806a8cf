//! How loaded an endpoint is.
//!
//! `cost = (latency + penalty) * (calls in flight + 1)`, where
//! - *latency* is Finagle's peak EWMA: a sample above the estimate becomes the estimate, one below pulls it down by
//!   `1 - e^(-time since the last / decay)`, and whoever reads it sees it decayed to now, so that an endpoint that
//!   was slow once and is avoided since is tried again;
//! - *penalty* is the mean cost of errors: a time-weighted average over the samples, in which an error counts as
//!   `penalty` (5 s) or the server's pushback and a success as nothing. Linkerd puts the penalty into the peak
//!   instead; then one failed call of ten thousand sends an endpoint away for `10 s * ln(5 s / 1 ms)`, a minute and
//!   a half, and under a low error rate everywhere all but one endpoint are away at any time. As an average, an
//!   endpoint that refuses everything is as far away as there, and one that fails once is hardly further.
//!
//! Each estimate shares one 64-bit atomic with its time: a sample is one compare-and-swap, a reading one load.
//! Within one millisecond only what raises an estimate changes it; the time between ticks is what samples weigh.

use std::time::Duration;

use super::{
    BalanceConfig,
    outcome::Outcome,
    slots::Slots,
    ticks::{Tick, ticks},
};
use crate::atomic::{AtomicU64, Ordering};

/// Seconds, and when they were right.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Estimate {
    seconds: f32,
    at: Tick,
}

impl Estimate {
    /// No sample yet. Not a number, hence no estimate either.
    const UNMEASURED: u64 = u64::MAX;

    fn pack(self) -> u64 {
        (u64::from(self.seconds.to_bits()) << 32) | u64::from(self.at)
    }

    fn unpack(bits: u64) -> Option<Self> {
        let estimate = Self { seconds: f32::from_bits((bits >> 32) as u32), at: bits as u32 };
        (bits != Self::UNMEASURED).then_some(estimate)
    }
}

/// An answer, as far as it concerns the load.
#[derive(Clone, Copy, Debug)]
pub(in crate::client) struct Sample {
    pub(in crate::client) latency: Duration,
    pub(in crate::client) outcome: Outcome,
    /// What the server asked to wait before it is asked again.
    pub(in crate::client) pushback: Option<Duration>,
    pub(in crate::client) now: Tick,
}

/// The load of an endpoint. Written by every call on it.
#[derive(Debug)]
pub(in crate::client) struct Load {
    pub(in crate::client) in_flight: Slots,
    latency: AtomicU64,
    penalty: AtomicU64,
}

/// By what loads are measured: the same for all endpoints of a channel, so that each of them is as small as can be.
#[derive(Clone, Debug)]
pub(in crate::client) struct Scale {
    default_latency: f32,
    /// By how many halves something decays within a tick.
    halves: f32,
    /// What an error counts at least.
    least_penalty: f32,
    error: Duration,
    pushback_max: Duration,
}

/// What every call is taken to take at least: where all have been idle for long, calls in flight still count.
const LEAST_LATENCY: f32 = 1e-5;

/// Penalties below a microsecond are none: successes need not be written down any more.
const NEGLIGIBLE: f32 = 1e-6;

impl Scale {
    pub(in crate::client) fn new(config: &BalanceConfig) -> Self {
        let halves = std::f32::consts::LOG2_E * 0.001 / config.decay.as_secs_f32();
        Self {
            default_latency: config.default_latency.as_secs_f32(),
            halves,
            least_penalty: config.penalty.as_secs_f32() * (1.0 - halved(halves)),
            error: config.penalty,
            pushback_max: config.pushback_max,
        }
    }

    fn decayed(&self, estimate: Estimate, now: Tick) -> f32 {
        if estimate.at == now {
            return estimate.seconds;
        }
        estimate.seconds * self.weight(estimate.at, now)
    }

    /// What is left at `now` of something that was 1 `then`.
    fn weight(&self, then: Tick, now: Tick) -> f32 {
        halved(ticks(then, now) as f32 * self.halves)
    }
}

/// `2^-times`, for `times` from 0 up, to a hundred-thousandth of itself: the whole part is the exponent, the rest a
/// polynomial that meets `2^-x` at 0, 1 and the Chebyshev nodes between. An `exp` takes five times as long, and two
/// endpoints are weighed for every call.
fn halved(times: f32) -> f32 {
    // What is left of anything after that is nothing.
    if times >= 126.0 {
        return 0.0;
    }
    let whole = times as u32;
    let part = times - whole as f32;
    let rest = 1.0
        + part * (-0.693_084_4 + part * (0.239_528_47 + part * (-0.053_286_056 + part * 0.006_841_991_4)));
    f32::from_bits((127 - whole) << 23) * rest
}

impl Load {
    pub(in crate::client) fn new() -> Self {
        Self {
            in_flight: Slots::default(),
            latency: AtomicU64::new(Estimate::UNMEASURED),
            penalty: AtomicU64::new(0),
        }
    }

    /// What the next call would cost here, as seconds. Endpoints are compared by it.
    pub(in crate::client) fn cost(&self, scale: &Scale, now: Tick) -> f32 {
        let in_flight = self.in_flight.taken();
        let latency = match Estimate::unpack(self.latency.load(Ordering::Relaxed)) {
            Some(estimate) => scale.decayed(estimate, now).max(LEAST_LATENCY),
            // Nothing is known and nothing under way: let a call find out.
            None if in_flight == 0 => 0.0,
            None => scale.default_latency,
        };
        let calls = (in_flight + 1) as f32;
        (latency + self.penalty(scale, now)) * calls
    }

    /// An answer came, or did not.
    pub(in crate::client) fn record(&self, scale: &Scale, sample: Sample) {
        let known = Estimate::unpack(self.latency.load(Ordering::Relaxed));
        if sample.outcome.is_penalised() {
            let error = scale.error.max(sample.pushback.unwrap_or_default().min(scale.pushback_max));
            self.punish(scale, error.as_secs_f32(), known, sample.now);
        } else if sample.outcome == Outcome::Success {
            self.forgive(scale, sample.now);
        }
        match sample.outcome {
            Outcome::Success => self.observe(scale, sample.latency.as_secs_f32(), sample.now, false),
            // Who fails fast is not fast; and whoever gave up knows that it takes at least that long.
            _ => self.observe(scale, sample.latency.as_secs_f32(), sample.now, true),
        }
    }

    /// Another server is behind the address now, or the same one anew.
    pub(in crate::client) fn forget(&self) {
        self.latency.swap(Estimate::UNMEASURED, Ordering::Relaxed);
        self.penalty.swap(0, Ordering::Relaxed);
    }

    fn observe(&self, scale: &Scale, seconds: f32, now: Tick, only_raise: bool) {
        let next = |bits| {
            let new = Estimate { seconds, at: now };
            let Some(old) = Estimate::unpack(bits) else { return Some(new.pack()) };
            if seconds >= old.seconds {
                return Some(new.pack());
            }
            if only_raise {
                let decayed = scale.decayed(old, now);
                return (seconds > decayed).then(|| new.pack());
            }
            let weight = scale.weight(old.at, now);
            // Within one tick nothing changes: no write, and no cache line taken from another core.
            (weight < 1.0).then(|| {
                Estimate { seconds: old.seconds * weight + seconds * (1.0 - weight), at: now }.pack()
            })
        };
        let _ = self.latency.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    fn punish(&self, scale: &Scale, seconds: f32, known: Option<Estimate>, now: Tick) {
        let _ = self.penalty.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
            let old = Estimate::unpack(bits).filter(|old| old.seconds > 0.0);
            let seconds = match (old, known) {
                (Some(old), _) => {
                    let weight = scale.weight(old.at, now);
                    old.seconds * weight + seconds * (1.0 - weight)
                }
                // The first error after nothing but successes: it stands for the time since the last of them.
                (None, Some(known)) => seconds * (1.0 - scale.weight(known.at, now)),
                // The first answer at all: it is all that is known.
                (None, None) => seconds,
            };
            // An error within the tick of a success weighs a tick: it must not weigh nothing for ever.
            Some(Estimate { seconds: seconds.max(scale.least_penalty), at: now }.pack())
        });
    }

    fn forgive(&self, scale: &Scale, now: Tick) {
        // Nearly always there is nothing to forgive: a load of a line that nobody writes.
        if self.penalty.load(Ordering::Relaxed) == 0 {
            return;
        }
        let _ = self.penalty.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
            let old = Estimate::unpack(bits)?;
            let seconds = scale.decayed(old, now);
            if seconds < NEGLIGIBLE {
                return Some(0);
            }
            (seconds < old.seconds).then(|| Estimate { seconds, at: now }.pack())
        });
    }

    fn penalty(&self, scale: &Scale, now: Tick) -> f32 {
        match self.penalty.load(Ordering::Relaxed) {
            0 => 0.0,
            bits => Estimate::unpack(bits).map_or(0.0, |estimate| scale.decayed(estimate, now)),
        }
    }
}

#[cfg(test)]
mod tests;
