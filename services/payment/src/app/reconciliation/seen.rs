//! Which operations two passes met, in a memory that does not grow with them.
//!
//! Keys are not kept but added up: each falls into one of many sums by its hash, and is a number of 122 random bits
//! in it. What one pass over the provider's list or the ledger adds, another pass over our operations takes off
//! again. A sum that comes out as zero says that both passes met the same keys in it as often, but for a chance of
//! one in 2^122; one that does not says that its operations must be looked at one by one. So a clean run costs one
//! megabyte and no call for any operation, and a few differences cost calls for a few sums' operations only.

use uuid::Uuid;

use crate::domain::ProviderKey;

/// Sums; a power of two.
const SUMS: usize = 1 << 16;

/// Keys, added up.
pub(super) struct Seen(Vec<u128>);

impl Seen {
    /// Nothing.
    pub(super) fn new() -> Self {
        Self(vec![0; SUMS])
    }

    pub(super) fn add(&mut self, key: ProviderKey) {
        let (sum, number) = self.place(key);
        *sum = sum.wrapping_add(number);
    }

    pub(super) fn take_off(&mut self, key: ProviderKey) {
        let (sum, number) = self.place(key);
        *sum = sum.wrapping_sub(number);
    }

    /// Whether all keys were added as often as taken off.
    pub(super) fn is_even(&self) -> bool {
        self.0.iter().all(|sum| *sum == 0)
    }

    /// Whether that can be said of the keys among which this one is.
    pub(super) fn is_even_about(&self, key: ProviderKey) -> bool {
        self.0.get(index(hash(key))).is_some_and(|sum| *sum == 0)
    }

    /// Whether this key was taken off without having been added, and all others among which it is were not.
    pub(super) fn lacks_only(&self, key: ProviderKey) -> bool {
        let number = hash(key);
        self.0.get(index(number)).is_some_and(|sum| *sum == number.wrapping_neg())
    }

    fn place(&mut self, key: ProviderKey) -> (&mut u128, u128) {
        let number = hash(key);
        (&mut self.0[index(number)], number)
    }
}

fn hash(key: ProviderKey) -> u128 {
    Uuid::new_v5(&key.payment.0, &key.seq.to_be_bytes()).as_u128()
}

fn index(hash: u128) -> usize {
    // The lowest bits of such a UUID are random; what is left of them has room.
    usize::try_from(hash % SUMS as u128).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::PaymentId;

    fn key(n: u32) -> ProviderKey {
        ProviderKey { payment: PaymentId(Uuid::from_u128(u128::from(n) / 3)), seq: n % 3 }
    }

    #[test]
    fn what_is_added_and_taken_off_in_any_order_is_even() {
        let mut seen = Seen::new();
        (0..200_000).for_each(|n| seen.add(key(n)));
        assert!(!seen.is_even());
        (0..200_000).rev().for_each(|n| seen.take_off(key(n)));
        assert!(seen.is_even());
    }

    #[test]
    fn one_key_more_or_less_is_seen_in_its_sum_only() {
        let mut seen = Seen::new();
        (0..1_000).for_each(|n| seen.add(key(n)));
        (0..1_000).filter(|n| *n != 7).for_each(|n| seen.take_off(key(n)));
        assert!(!seen.is_even() && !seen.is_even_about(key(7)) && !seen.lacks_only(key(7)));
        assert!((0..1_000).filter(|n| !seen.is_even_about(key(*n))).count() < 10);
        (0..2).for_each(|_| seen.take_off(key(7)));
        assert!(seen.lacks_only(key(7)) && (8..1_000).all(|n| !seen.lacks_only(key(n))));
    }
}
