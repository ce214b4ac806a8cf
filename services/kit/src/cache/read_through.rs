//! The cache itself: reads, the one load per key, and the changes that overrule it.

mod plain;

use std::{fmt, hash::Hash, panic::AssertUnwindSafe, sync::Arc};

use fail::fail_point;
use futures_util::FutureExt;
use moka::{future::Cache, notification::RemovalCause, ops::compute::Op};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use super::{
    CacheConfig, LoadError, Loader, Read, Stats, Versioned,
    flights::{Answer, Flight, Flights, landed},
    slot::{Garbage, Slot, Verdict, hash_of},
    stats::Counters,
};

/// What an entry costs beside its key and value: Moka's record, the slot, their counters.
const ENTRY_BYTES: usize = 256;

/// A cache of `V` by `K` over a [`Loader`]. Clones share one cache.
///
/// Bounds on staleness: in this process, none after [`ReadThrough::put`] or [`ReadThrough::invalidate`] returned; else
/// the lifetime of the value.
pub struct ReadThrough<K, V> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K, V> {
    config: CacheConfig,
    cache: Cache<K, Arc<Slot<V>>>,
    loader: Arc<dyn Loader<K, V>>,
    flights: Arc<Flights<K, V>>,
    counters: Arc<Counters>,
    tasks: TaskTracker,
}

impl<K, V> ReadThrough<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// An empty cache over `loader`.
    #[must_use]
    pub fn new(config: CacheConfig, loader: Arc<dyn Loader<K, V>>) -> Self {
        let counters = Arc::new(Counters::default());
        let (counted, weighed) = (Arc::clone(&counters), Arc::clone(&loader));
        let weigh = move |key: &K, slot: &Arc<Slot<V>>| {
            let held = slot.value().map_or(0, |value| weighed.weight(key, value));
            u32::try_from(held.saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder()
            .name(config.name)
            .max_capacity(config.capacity_bytes)
            .weigher(weigh)
            .expire_after(Garbage)
            .eviction_listener(move |_, _, cause| {
                if cause == RemovalCause::Size {
                    counted.evicted.count();
                }
            })
            .build();
        let flights = Flights::new(config.concurrent_loads);
        Self {
            inner: Arc::new(Inner { config, cache, loader, flights, counters, tasks: TaskTracker::new() }),
        }
    }

    /// The value of `key`, or `None` when the store has none. Loads it if need be; a caller who goes away leaves the
    /// load to the others.
    ///
    /// # Errors
    /// [`LoadError`] when nothing is held and the store does not answer, now or within the last
    /// [`CacheConfig::retry_after`].
    pub async fn get(&self, key: &K) -> Answer<V> {
        let inner = &self.inner;
        let slot = inner.cache.get(key).await;
        let verdict = slot.map_or(Verdict::Missing, |slot| slot.verdict(Instant::now()));
        match verdict {
            Verdict::Fresh(Some(value)) => {
                inner.counters.hit.count();
                Ok(Some(value))
            }
            Verdict::Fresh(None) => {
                inner.counters.negative.count();
                Ok(None)
            }
            Verdict::Stale { value, refresh } => {
                inner.counters.stale.count();
                if refresh {
                    inner.refresh(key);
                }
                Ok(Some(value))
            }
            Verdict::Failing(error) => {
                inner.counters.miss.count();
                Err(error)
            }
            Verdict::Missing => {
                inner.counters.miss.count();
                inner.fetch(key).await
            }
        }
    }

    /// Holds what a writer has just committed, unless something newer is held. Once polled it takes effect even if
    /// the caller goes away: a writer's client may hang up between the commit and this.
    pub async fn put(&self, key: &K, committed: Versioned<V>) {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        let change = async move {
            let (hash, value) = (hash_of(&key), Arc::new(committed.value));
            let overrule = |current: Option<Arc<Slot<V>>>| {
                let now = Instant::now();
                let admitted = current.is_none_or(|slot| slot.admits(committed.version, now));
                admitted.then(|| Slot::present(&inner.config, hash, committed.version, value, now))
            };
            inner.change(key, overrule).await;
        };
        self.settle(change).await;
    }

    /// Takes away what is older than `version`, and keeps older reads from coming back. Takes effect like
    /// [`ReadThrough::put`].
    pub async fn invalidate(&self, key: &K, version: u64) {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        let change = async move {
            let overrule = |current: Option<Arc<Slot<V>>>| {
                let now = Instant::now();
                let covered = current.is_some_and(|slot| slot.covers(version, now));
                (!covered).then(|| Slot::floor(&inner.config, version, now))
            };
            inner.change(key, overrule).await;
        };
        self.settle(change).await;
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.counters.snapshot()
    }

    /// Starts no further load and waits for those in flight, at most twice [`CacheConfig::load_timeout`]. What is
    /// held can still be read.
    pub async fn close(&self) {
        self.inner.flights.close();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// Runs a change to its end. Nearly always nobody excludes it and the first poll is all; when it has to wait for
    /// a load, a task of its own waits, which the caller cannot take down.
    async fn settle(&self, change: impl Future<Output = ()> + Send + 'static) {
        let mut change = Box::pin(change);
        if change.as_mut().now_or_never().is_none() {
            // It fails only when the runtime shuts down, and the cache goes with it.
            let _settled = self.inner.tasks.spawn(change).await;
        }
    }
}

impl<K, V> Inner<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Send + Sync + 'static,
{
    /// Replaces a slot by what `overrule` makes of it, if anything, while no load of the key runs.
    async fn change(&self, key: K, overrule: impl FnOnce(Option<Arc<Slot<V>>>) -> Option<Slot<V>>) {
        if plain::is_on() {
            return self.invalidate_plainly(&key).await;
        }
        let entry = self.cache.entry(key);
        let apply = |current: Option<moka::Entry<K, Arc<Slot<V>>>>| {
            let next = overrule(current.map(moka::Entry::into_value));
            async { next.map_or(Op::Nop, |slot| Op::Put(Arc::new(slot))) }
        };
        entry.and_compute_with(apply).await;
    }

    async fn fetch(self: &Arc<Self>, key: &K) -> Answer<V> {
        if let Some(arrival) = self.flights.join(key) {
            self.counters.coalesced.count();
            return landed(arrival).await;
        }
        let permit = self.flights.permit().await.ok_or(LoadError::Closed)?;
        match self.flights.start(key.clone(), permit) {
            Ok(flight) => {
                let arrival = flight.arrival();
                self.tasks.spawn(Arc::clone(self).fly(flight));
                landed(arrival).await
            }
            Err(arrival) => {
                self.counters.coalesced.count();
                landed(arrival).await
            }
        }
    }

    /// Loads in the background, unless that is under way or too much else is: the next reader will try again.
    fn refresh(self: &Arc<Self>, key: &K) {
        if self.flights.join(key).is_some() {
            return;
        }
        let started = self.flights.permit_now().map(|permit| self.flights.start(key.clone(), permit));
        if let Some(Ok(flight)) = started {
            self.tasks.spawn(Arc::clone(self).fly(flight));
        }
    }

    /// One load, from exclusion to landing.
    async fn fly(self: Arc<Self>, mut flight: Flight<K, V>) {
        if plain::is_on() {
            return self.fly_plainly(flight).await;
        }
        let mut answer = Err(LoadError::Closed);
        let key = flight.key().clone();
        let entry = self.cache.entry(key.clone());
        entry
            .and_compute_with(|current| async {
                let (next, found) = self.judge(&key, current.map(moka::Entry::into_value)).await;
                flight.close_boarding();
                answer = found;
                next.map_or(Op::Nop, |slot| Op::Put(Arc::new(slot)))
            })
            .await;
        flight.land(answer);
    }

    /// What to hold instead of `current`, if anything, and what to answer. Whoever held the exclusion before may
    /// have settled it already.
    async fn judge(&self, key: &K, current: Option<Arc<Slot<V>>>) -> (Option<Slot<V>>, Answer<V>) {
        let start = Instant::now();
        match current.as_ref().map_or(Verdict::Missing, |slot| slot.verdict(start)) {
            Verdict::Fresh(value) => {
                self.counters.coalesced.count();
                return (None, Ok(value));
            }
            Verdict::Stale { value, refresh: false } => return (None, Ok(Some(value))),
            Verdict::Failing(error) => return (None, Err(error)),
            Verdict::Stale { refresh: true, .. } | Verdict::Missing => {}
        }
        let floor = current.as_ref().map_or(0, |slot| slot.floor_version(start));
        let loaded = self.load(key, floor).await;
        // What was read is about to be held; a change may have been committed since.
        fail_point!("cache.after-load");
        let (now, hash) = (Instant::now(), hash_of(key));
        match loaded {
            Ok(Some(Versioned { version, value })) => {
                let value = Arc::new(value);
                (Some(Slot::present(&self.config, hash, version, Arc::clone(&value), now)), Ok(Some(value)))
            }
            Ok(None) => (Some(Slot::absent(&self.config, hash, floor, now)), Ok(None)),
            Err(error) => {
                self.counters.load_error.count();
                tracing::debug!(cache = self.config.name, %error, "cache load failed");
                let slot =
                    Slot::failed(current.as_deref(), now + self.config.retry_after, error.clone(), now);
                let answer = match slot.verdict(now) {
                    Verdict::Stale { value, .. } => Ok(Some(value)),
                    _ => Err(error),
                };
                (Some(slot), answer)
            }
        }
    }

    /// Reads the store, and reads it again strongly if the first answer was, or may have been, older than `floor`.
    /// The strong answer is the truth, whatever the floor was: a store restored from a backup has older versions.
    async fn load(&self, key: &K, floor: u64) -> Result<Option<Versioned<V>>, LoadError> {
        let loaded = self.read(key, Read::Usual).await?;
        let version = loaded.as_ref().map_or(0, |found| found.version);
        if version >= floor {
            return Ok(loaded);
        }
        self.counters.floor_reject.count();
        self.read(key, Read::Strong).await
    }

    async fn read(&self, key: &K, read: Read) -> Result<Option<Versioned<V>>, LoadError> {
        let load = AssertUnwindSafe(self.loader.load(key, read)).catch_unwind();
        match timeout(self.config.load_timeout, load).await {
            Ok(Ok(Ok(loaded))) => Ok(loaded),
            Ok(Ok(Err(refused))) => Err(LoadError::Failed(refused.into())),
            Ok(Err(_panic)) => Err(LoadError::Panicked),
            Err(_elapsed) => Err(LoadError::TimedOut),
        }
    }
}

impl<K, V> Clone for ReadThrough<K, V> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner) }
    }
}

impl<K, V> fmt::Debug for ReadThrough<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.inner.counters.snapshot();
        f.debug_struct("ReadThrough").field("name", &self.inner.config.name).field("stats", &stats).finish()
    }
}
