//! The buckets of all callers, in a fixed amount of memory.

use std::time::Duration;

use super::gcra::Gcra;
use crate::atomic::{AtomicU64, Mutex, Ordering::Relaxed};

/// In how many places of a set a key can be: their keys are one cache line.
const WAYS: usize = 8;

/// Buckets by the hash of their key; zero is nobody's.
///
/// A key is looked for in one set of eight places. If it is not there it takes the place whose bucket is nearest to
/// full, together with what is in it: nothing is reset, so nobody gets a full bucket by making others forgotten,
/// and key and bucket need not change at the same moment. Finding a key and taking from its bucket is without a
/// lock; keys are placed one after the other within a set, so that none has two places.
#[derive(Debug)]
pub(super) struct Table {
    sets: Box<[Set]>,
}

#[derive(Debug)]
struct Set {
    keys: [AtomicU64; WAYS],
    tats: [AtomicU64; WAYS],
    placing: Mutex<()>,
}

impl Set {
    fn new() -> Self {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        Self { keys: zeros(), tats: zeros(), placing: Mutex::new(()) }
    }

    fn find(&self, key: u64) -> Option<usize> {
        self.keys.iter().position(|known| known.load(Relaxed) == key)
    }

    /// The place of a key, which has one from now on.
    fn place(&self, key: u64) -> usize {
        if let Some(place) = self.find(key) {
            return place;
        }
        // Held over a look at sixteen numbers. A poisoned lock guards as well as any: there is nothing in it.
        let _placing = self.placing.lock();
        if let Some(place) = self.find(key) {
            return place;
        }
        let mut fullest = (u64::MAX, 0);
        for (place, tat) in self.tats.iter().enumerate() {
            fullest = fullest.min((tat.load(Relaxed), place));
        }
        self.keys[fullest.1].store(key, Relaxed);
        fullest.1
    }
}

impl Table {
    /// A table for so many keys, or a few more.
    pub(super) fn new(keys: u32) -> Self {
        let sets = (keys as usize).div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Set::new()).collect() }
    }

    /// Takes one call from the bucket of a key.
    ///
    /// # Errors
    /// How long to wait, when it is empty.
    pub(super) fn take(&self, key: u64, gcra: &Gcra, now: u64) -> Result<(), Duration> {
        // The lower bits choose the set, and all of them are compared.
        let set = &self.sets[key as usize & (self.sets.len() - 1)];
        let tat = &set.tats[set.place(key.max(1))];
        let mut wait = Duration::ZERO;
        let next = |tat| gcra.next(tat, now).map_err(|longer| wait = longer).ok();
        tat.fetch_update(Relaxed, Relaxed, next).map(drop).map_err(|_| wait)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mesh_policy::RateLimit;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn random(n: u64) -> u64 {
        crate::hash::mix(n)
    }

    fn keys(table: &Table) -> Vec<u64> {
        let keys = table.sets.iter().flat_map(|set| &set.keys).map(|key| key.load(Relaxed));
        keys.filter(|key| *key != 0).collect()
    }

    #[test]
    fn each_key_has_a_bucket_of_its_own() {
        let (table, gcra) = (Table::new(64), Gcra::new(RateLimit { per_second: 1, burst: 2 }));
        let taken = |key| (0..5).filter(|_| table.take(key, &gcra, SECOND).is_ok()).count();
        assert_eq!([taken(1), taken(2), taken(1), taken(0), taken(9)], [2, 2, 0, 2, 2]);
    }

    /// The table is as large afterwards as it was before, and who asks all the time is not forgotten.
    #[test]
    fn random_keys_neither_grow_it_nor_free_a_heavy_one() {
        let (table, gcra) = (Table::new(1_024), Gcra::new(RateLimit { per_second: 10, burst: 10 }));
        let (heavy, mut let_in) = (random(0), 0);
        for n in 1..=100_000 {
            // 100,000 others within ten seconds, one call each; the heavy one calls ten times as often.
            let now = SECOND + n * 100_000;
            let _ = table.take(random(n), &gcra, now);
            let_in += (0..10).filter(|_| table.take(heavy, &gcra, now).is_ok()).count();
        }
        assert_eq!((table.sets.len() * WAYS, keys(&table).len()), (1_024, 1_024));
        assert!((100..=111).contains(&let_in), "{let_in} in ten seconds, where 110 are allowed");
    }

    #[test]
    fn while_there_is_room_nobody_is_forgotten() {
        let (table, gcra) = (Table::new(65_536), Gcra::new(RateLimit { per_second: 1, burst: 1 }));
        let calls =
            |table: &Table| (0..4_000).filter(|n| table.take(random(*n), &gcra, SECOND).is_ok()).count();
        assert_eq!((calls(&table), calls(&table)), (4_000, 0));
    }

    #[test]
    fn threads_place_each_key_once_and_take_no_more_than_there_is() {
        let (table, gcra) = (Table::new(64), Gcra::new(RateLimit { per_second: 1, burst: 100 }));
        let taken: usize = std::thread::scope(|scope| {
            let take = || (0..10_000).filter(|n| table.take(1 + n % 8, &gcra, SECOND).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 800);
        let keys = keys(&table);
        assert_eq!(keys.len(), keys.iter().collect::<BTreeSet<_>>().len());
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};
    use mesh_policy::RateLimit;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn loom_two_calls_of_a_new_caller_share_a_bucket() {
        loom::model(|| {
            let (table, gcra) = (Arc::new(Table::new(8)), Gcra::new(RateLimit { per_second: 1, burst: 1 }));
            let other = Arc::clone(&table);
            let other = thread::spawn(move || other.take(7, &gcra, SECOND).is_ok());
            let one = table.take(7, &gcra, SECOND).is_ok();
            assert!(one != other.join().unwrap(), "one of two");
            assert_eq!(table.sets[0].keys.iter().filter(|key| key.load(Relaxed) == 7).count(), 1);
        });
    }

    #[test]
    fn loom_two_new_callers_are_both_placed() {
        loom::model(|| {
            let (table, gcra) = (Arc::new(Table::new(8)), Gcra::new(RateLimit { per_second: 1, burst: 2 }));
            let other = Arc::clone(&table);
            let other = thread::spawn(move || other.take(7, &gcra, SECOND).is_ok());
            assert!(table.take(15, &gcra, SECOND).is_ok());
            assert!(other.join().unwrap());
        });
    }
}
