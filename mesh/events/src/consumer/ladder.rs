//! When a failed event comes again.

use std::time::Duration;

use rand::{Rng, RngExt};

/// When a failed event comes again, and when it is given up. The default is 5 s, 1 min, 10 min, 1 h and then
/// every hour, 8 attempts in all, each wait up to 20 % shorter or longer.
#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    /// The wait after the first failure, the second, and so on; the last one repeats. Empty: no wait. A delivery
    /// without an outcome is no step: it says nothing about how long the handler's trouble will last.
    pub steps: Vec<Duration>,
    /// Attempts in all, with and without an outcome. After the last one the event is parked.
    pub attempts_max: u32,
    /// How far a wait may lie from its step, as a fraction of it: 0.0 to 1.0. Events that failed together,
    /// because something was down, then do not come back together.
    pub jitter: f64,
}

// === impl Ladder ===

impl Ladder {
    /// The wait after an attempt, counted from 1, that failed as so many failed before it; `None`: that was the
    /// last one.
    pub(crate) fn wait(&self, attempt: u32, failures: u32, rng: &mut impl Rng) -> Option<Duration> {
        if attempt >= self.attempts_max {
            return None;
        }
        let step = self.steps.get(failures as usize).or(self.steps.last()).copied().unwrap_or_default();
        let jitter = self.jitter.clamp(0.0, 1.0);
        Some(step.mul_f64(1.0 + rng.random_range(-jitter..=jitter)))
    }
}

impl Default for Ladder {
    fn default() -> Self {
        let steps = [5, 60, 600, 3600].map(Duration::from_secs).to_vec();
        Self { steps, attempts_max: 8, jitter: 0.2 }
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn climbs_and_stays_on_the_last_step_until_the_last_attempt() {
        let ladder = Ladder { jitter: 0.0, ..Ladder::default() };
        let mut rng = StdRng::seed_from_u64(1);
        let waits: Vec<_> = (1..=8).map(|attempt| ladder.wait(attempt, attempt - 1, &mut rng)).collect();
        let seconds = [5, 60, 600, 3600, 3600, 3600, 3600].map(|s| Some(Duration::from_secs(s)));
        assert_eq!(waits[..7], seconds);
        assert_eq!(waits[7], None);
    }

    #[test]
    fn deliveries_without_an_outcome_count_towards_the_end_and_lengthen_no_wait() {
        let ladder = Ladder { jitter: 0.0, ..Ladder::default() };
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(ladder.wait(7, 0, &mut rng), Some(Duration::from_secs(5)));
        assert_eq!(ladder.wait(7, 1, &mut rng), Some(Duration::from_secs(60)));
        assert_eq!(ladder.wait(8, 0, &mut rng), None);
    }

    #[test]
    fn spreads_the_waits_within_the_jitter() {
        let ladder = Ladder::default();
        let mut rng = StdRng::seed_from_u64(1);
        let waits: Vec<_> = (0..1000).map(|_| ladder.wait(1, 0, &mut rng).unwrap()).collect();
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        assert!(*least >= Duration::from_secs(4) && *most <= Duration::from_secs(6), "{least:?} {most:?}");
        assert!(*most - *least > Duration::from_secs(1), "{least:?} {most:?}");
    }
}
