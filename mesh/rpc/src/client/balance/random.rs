//! Randomness for decisions on the path of a call.

use std::cell::Cell;

use crate::{
    atomic::{AtomicU64, Ordering},
    hash::mix,
};

/// SplitMix64 (Steele, Lea, Flood, 2014) over a shared counter: one atomic addition a number, no lock, and the
/// numbers of one seed are the same numbers, in whatever order threads draw them.
#[derive(Debug)]
pub(in crate::client) struct Random(AtomicU64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    pub(in crate::client) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(in crate::client) fn next(&self) -> u64 {
        mix(self.0.fetch_add(GOLDEN, Ordering::Relaxed).wrapping_add(GOLDEN))
    }

    /// From 0 up to 1.
    pub(in crate::client) fn fraction(&self) -> f64 {
        fraction(self.next())
    }
}

/// The random numbers of one call. They follow from the seed of its channel and from its own number, so that nothing
/// is shared but the counter that calls have anyway.
#[derive(Debug)]
pub(in crate::client) struct Draws(Cell<u64>);

/// Further numbers of a call are not the first ones of the next calls.
const FURTHER: u64 = 0xd134_2543_de82_ef95;

impl Draws {
    /// Those of the call with this number.
    pub(in crate::client) fn of(seed: u64, number: u32) -> Self {
        Self(Cell::new(seed.wrapping_add(GOLDEN.wrapping_mul(u64::from(number)))))
    }

    pub(super) fn next(&self) -> u64 {
        let state = self.0.get();
        self.0.set(state.wrapping_add(FURTHER));
        mix(state)
    }

    /// From 0 up to 1.
    pub(super) fn fraction(&self) -> f64 {
        fraction(self.next())
    }
}

fn fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// A random number below `bound` out of 32 random bits (Lemire's multiplication).
pub(super) fn below(bound: usize, bits: u32) -> usize {
    let product = (bound as u64).wrapping_mul(u64::from(bits));
    usize::try_from(product >> 32).unwrap_or(0)
}

/// Two different numbers below `bound`, which is at least two.
pub(super) fn two_below(bound: usize, bits: u64) -> (usize, usize) {
    let (high, low) = ((bits >> 32) as u32, bits as u32);
    let first = below(bound, high);
    let other = below(bound - 1, low);
    (first, if other >= first { other + 1 } else { other })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence() {
        let draw = |seed| {
            let random = Random::new(seed);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        // The reference implementation from seed 1234567.
        assert_eq!(draw(1_234_567)[..2], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn calls_draw_what_follows_from_the_seed_and_their_number() {
        let draw = |seed, number| {
            let draws = Draws::of(seed, number);
            [draws.next(), draws.next(), draws.next()]
        };
        assert_eq!(draw(7, 3), draw(7, 3));
        let all: std::collections::BTreeSet<_> = (0..1_000).flat_map(|number| draw(7, number)).collect();
        assert_eq!(all.len(), 3_000, "none comes twice");
        assert!(draw(8, 3).iter().all(|number| !all.contains(number)));
    }

    #[test]
    fn two_are_always_different_and_each_pair_comes_up() {
        for bound in [2, 3, 5] {
            let mut seen = std::collections::BTreeMap::<_, u32>::new();
            for number in 0..20_000 {
                let (one, other) = two_below(bound, Draws::of(1, number).next());
                assert!(one != other && one < bound && other < bound);
                *seen.entry((one, other)).or_default() += 1;
            }
            let expected = 20_000.0 / f64::from(u32::try_from(bound * (bound - 1)).unwrap());
            assert_eq!(seen.len(), bound * (bound - 1));
            assert!(seen.values().all(|count| (f64::from(*count) / expected - 1.0).abs() < 0.1), "{seen:?}");
        }
    }
}
