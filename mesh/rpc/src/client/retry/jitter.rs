//! The chance in a wait.

use mesh_policy::SMALLEST_JITTER;

use crate::client::balance::Random;

/// Factors from a seed, without a lock.
#[derive(Debug)]
pub(super) struct Jitter(Random);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        // Another sequence than that of the choice of endpoints.
        Self(Random::new(!seed))
    }

    /// A factor from 0.8 up to 1.2 (gRFC A6).
    pub(super) fn next(&self) -> f64 {
        SMALLEST_JITTER + self.0.fraction() * 2.0 * (1.0 - SMALLEST_JITTER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_fill_the_range_and_stay_in_it() {
        let jitter = Jitter::new(7);
        let factors: Vec<f64> = (0..1_000).map(|_| jitter.next()).collect();
        assert!(factors.iter().all(|factor| (0.8..1.2).contains(factor)));
        assert!(factors.iter().any(|factor| *factor < 0.82) && factors.iter().any(|factor| *factor > 1.18));
        let mean = factors.iter().sum::<f64>() / 1_000.0;
        assert!((0.98..1.02).contains(&mean), "{mean}");
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let three = |seed| {
            let jitter = Jitter::new(seed);
            [(); 3].map(|()| jitter.next())
        };
        assert_eq!(three(1), three(1));
        assert_ne!(three(1), three(2));
    }
}
