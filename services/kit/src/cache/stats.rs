//! What happened in a cache, counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the cache was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Reads answered with a fresh value.
    pub hit: u64,
    /// Reads that found nothing to answer with and had to load or to wait for a load.
    pub miss: u64,
    /// Reads answered with "there is none".
    pub negative: u64,
    /// Reads answered with a value near the end of its lifetime, while it is refreshed or cannot be.
    pub stale: u64,
    /// Misses that another caller's load answered.
    pub coalesced: u64,
    /// Loads that failed, timed out or panicked.
    pub load_error: u64,
    /// Reads of the store that were older than a version known here, and were read again strongly.
    pub floor_reject: u64,
    /// Loads in place of a value within its lifetime whose change may have gone unheard.
    pub revalidated: u64,
    /// Slots that went because the cache was full.
    pub evicted: u64,
}

impl Stats {
    /// Writes the counts to the log, as one line.
    pub(super) fn log(&self, cache: &str) {
        let Self { hit, miss, negative, stale, coalesced, load_error, floor_reject, revalidated, evicted } =
            *self;
        tracing::info!(
            cache,
            hit,
            miss,
            negative,
            stale,
            coalesced,
            load_error,
            floor_reject,
            revalidated,
            evicted,
            "cache closed"
        );
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hit: Counter,
    pub(super) miss: Counter,
    pub(super) negative: Counter,
    pub(super) stale: Counter,
    pub(super) coalesced: Counter,
    pub(super) load_error: Counter,
    pub(super) floor_reject: Counter,
    pub(super) revalidated: Counter,
    pub(super) evicted: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Counters {
    pub(super) fn snapshot(&self) -> Stats {
        Stats {
            hit: self.hit.get(),
            miss: self.miss.get(),
            negative: self.negative.get(),
            stale: self.stale.get(),
            coalesced: self.coalesced.get(),
            load_error: self.load_error.get(),
            floor_reject: self.floor_reject.get(),
            revalidated: self.revalidated.get(),
            evicted: self.evicted.get(),
        }
    }
}
