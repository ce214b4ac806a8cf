//! Which traces are recorded.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{SAMPLED, SpanId, TraceContext, TraceId};

/// A share that is none.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} is no share of traces: expected 0 to 1")]
pub struct InvalidRatio(pub f64);

/// Chooses a share of all traces, by their identifiers: whoever else goes by the same rule and share chooses the same
/// ones (OpenTelemetry's `TraceIdRatioBased`).
#[derive(Debug)]
pub struct Sampler {
    /// Identifiers whose last seven bytes are below it.
    threshold: AtomicU64,
}

/// The last seven bytes of an identifier are the random ones (W3C Trace Context, level 2).
const ALL: u64 = 1 << 56;

impl Sampler {
    /// One trace in a hundred.
    pub const DEFAULT_RATIO: f64 = 0.01;

    /// Changes the share, from 0 to 1.
    ///
    /// # Errors
    /// When it is none.
    pub fn set(&self, ratio: f64) -> Result<(), InvalidRatio> {
        if !(0.0..=1.0).contains(&ratio) {
            return Err(InvalidRatio(ratio));
        }
        self.threshold.store((ratio * ALL as f64) as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Whether the trace is one of those that are recorded.
    pub fn samples(&self, trace: TraceId) -> bool {
        let [.., a, b, c, d, e, f, g] = *trace.as_bytes();
        u64::from_be_bytes([0, a, b, c, d, e, f, g]) < self.threshold.load(Ordering::Relaxed)
    }

    /// The beginning of a new trace, sampled or not.
    pub fn root(&self) -> TraceContext {
        let random = &mut rand::rng();
        let trace_id = TraceId::random(random);
        let flags = if self.samples(trace_id) { SAMPLED } else { 0 };
        TraceContext { trace_id, span_id: SpanId::random(random), flags }
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self { threshold: AtomicU64::new((Self::DEFAULT_RATIO * ALL as f64) as u64) }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn samples_the_share_that_was_asked_for() {
        let mut random = StdRng::seed_from_u64(1);
        let ids: Vec<_> = (0..10_000).map(|_| TraceId::random(&mut random)).collect();
        let sampler = Sampler::default();
        let sampled = || ids.iter().filter(|id| sampler.samples(**id)).count();
        assert!((70..=130).contains(&sampled()), "{}", sampled());
        for (ratio, expected) in [(0.0, 0..=0), (1.0, 10_000..=10_000), (0.5, 4_800..=5_200)] {
            sampler.set(ratio).unwrap();
            assert!(expected.contains(&sampled()), "{ratio}: {}", sampled());
        }
        for wrong in [-0.1, 1.1, f64::NAN] {
            assert!(sampler.set(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_root_says_whether_it_is_sampled() {
        let sampler = Sampler::default();
        sampler.set(1.0).unwrap();
        assert!(sampler.root().is_sampled());
        sampler.set(0.0).unwrap();
        assert!(!sampler.root().is_sampled());
    }
}
