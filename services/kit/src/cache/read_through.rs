//! The cache itself: reads, the one load per key, and the changes that overrule it.

mod plain;

use std::{fmt, hash::Hash, panic::AssertUnwindSafe, sync::Arc};

use fail::fail_point;
use futures_util::FutureExt;
use moka::{future::Cache, notification::RemovalCause, ops::compute::Op};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::{
    CacheConfig, LoadError, Loader, Read, Stats, Versioned,
    flights::{Answer, Flight, Flights, Landing, landed},
    hearing::{Hearing, Moment},
    slot::{Garbage, Slot, Verdict, hash_of},
    stats::Counters,
};

/// What an entry costs beside its key and value: Moka's record, the slot, their counters.
const ENTRY_BYTES: usize = 256;

/// A cache of `V` by `K` over a [`Loader`]. Clones share one cache.
///
/// Bounds on staleness: none after [`ReadThrough::put`], [`ReadThrough::invalidate`] or [`ReadThrough::forget`] returned,
/// nor after [`ReadThrough::resumed`] did for what was changed before; while interrupted, the greater of
/// [`CacheConfig::interrupted_grace`] and [`CacheConfig::interrupted_ttl`], from the interruption on; else, for a change
/// of which the cache is not told, the lifetime of the value.
pub struct ReadThrough<K, V> {
    inner: Arc<Inner<K, V>>,
}

struct Inner<K, V> {
    config: CacheConfig,
    cache: Cache<K, Arc<Slot<V>>>,
    loader: Arc<dyn Loader<K, V>>,
    flights: Arc<Flights<K, V>>,
    hearing: Hearing,
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
        let (hearing, tasks) = (Hearing::new(&config), TaskTracker::new());
        Self { inner: Arc::new(Inner { config, cache, loader, flights, hearing, counters, tasks }) }
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
        let trust = inner.hearing.trust();
        let verdict = slot.map_or(Verdict::Missing, |slot| slot.verdict(&trust));
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
                inner.fetch(key, trust.now.epoch).await
            }
        }
    }

    /// This moment: to be taken before a commit that is then [`ReadThrough::put`].
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.inner.hearing.trust().now
    }

    /// Holds what a writer has just committed, unless something newer is held. `begun` is a moment before the commit:
    /// if there was a gap in the announcements since, somebody may have committed something newer. Once polled it
    /// takes effect even if the caller goes away: a writer's client may hang up between the commit and this.
    pub async fn put(&self, key: &K, committed: Versioned<V>, begun: Moment) {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        let change = async move {
            let (hash, value) = (hash_of(&key), Arc::new(committed.value));
            let overrule = |current: Option<Arc<Slot<V>>>| {
                let now = inner.hearing.trust().now;
                match current {
                    Some(slot) if !slot.admits(committed.version, now.at) => {
                        // Held before the commit began, and yet not below it: the key has begun anew since, or two
                        // commits crossed. The store knows.
                        let is_doubtful = slot.was_read_before(begun) && !slot.is_floor();
                        is_doubtful.then(|| Slot::floor(&inner.config, slot.floor_version(now.at), now))
                    }
                    _ => Some(Slot::present(&inner.config, hash, committed.version, value, begun)),
                }
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
                let now = inner.hearing.trust().now;
                let covered = current.as_ref().is_some_and(|slot| slot.covers(version, now.at));
                let known = current.map_or(0, |slot| slot.floor_version(now.at));
                (!covered).then(|| Slot::floor(&inner.config, version.max(known), now))
            };
            inner.change(key, overrule).await;
        };
        self.settle(change).await;
    }

    /// Takes away whatever is held, whichever version it has, and keeps the version in mind: for a key that may have
    /// begun anew, at a version below the last. Takes effect like [`ReadThrough::put`].
    pub async fn forget(&self, key: &K) {
        self.take_away(key, |slot| !slot.is_floor()).await;
    }

    /// Takes away "there is none", and leaves a value alone. Takes effect like [`ReadThrough::put`].
    pub async fn forget_absence(&self, key: &K) {
        self.take_away(key, Slot::is_absent).await;
    }

    async fn take_away(&self, key: &K, is_due: fn(&Slot<V>) -> bool) {
        let (inner, key) = (Arc::clone(&self.inner), key.clone());
        let change = async move {
            let overrule = |current: Option<Arc<Slot<V>>>| {
                let now = inner.hearing.trust().now;
                let due = current.filter(|slot| is_due(slot))?;
                Some(Slot::floor(&inner.config, due.floor_version(now.at), now))
            };
            inner.change(key, overrule).await;
        };
        self.settle(change).await;
    }

    /// From now on changes made elsewhere go unheard. After [`CacheConfig::interrupted_grace`] nothing is believed for
    /// longer than [`CacheConfig::interrupted_ttl`], until [`ReadThrough::resumed`].
    pub fn interrupted(&self) {
        self.inner.hearing.interrupted();
    }

    /// From now on changes made elsewhere are heard of. Whatever was read before may have changed unheard: it is read
    /// again before it is answered with, and until that succeeds there is no answer.
    pub fn resumed(&self) {
        self.inner.hearing.resumed();
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
        self.stats().log(self.inner.config.name);
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

    /// Loads, or waits for a load under way; `epoch` is the one in which the caller came.
    async fn fetch(self: &Arc<Self>, key: &K, epoch: u64) -> Answer<V> {
        loop {
            let landing = self.fly_along(key).await?;
            // A load that was under way when a gap ended has seen the store before that. Whoever came later asks again,
            // once: the next load begins after this one.
            if landing.epoch >= epoch || landing.answer.is_err() {
                return landing.answer;
            }
        }
    }

    async fn fly_along(self: &Arc<Self>, key: &K) -> Result<Landing<V>, LoadError> {
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
        let mut landing = None;
        let key = flight.key().clone();
        let entry = self.cache.entry(key.clone());
        entry
            .and_compute_with(|current| async {
                let (next, found) = self.judge(&key, current.map(moka::Entry::into_value)).await;
                flight.close_boarding();
                landing = Some(found);
                next.map_or(Op::Nop, |slot| Op::Put(Arc::new(slot)))
            })
            .await;
        if let Some(landing) = landing {
            flight.land(landing);
        }
    }

    /// What to hold instead of `current`, if anything, and what to answer. Whoever held the exclusion before may
    /// have settled it already.
    async fn judge(&self, key: &K, current: Option<Arc<Slot<V>>>) -> (Option<Slot<V>>, Landing<V>) {
        let trust = self.hearing.trust();
        let begun = trust.now;
        let land = |answer| Landing { answer, epoch: begun.epoch };
        match current.as_ref().map_or(Verdict::Missing, |slot| slot.verdict(&trust)) {
            Verdict::Fresh(value) => {
                self.counters.coalesced.count();
                return (None, land(Ok(value)));
            }
            Verdict::Stale { value, refresh: false } => return (None, land(Ok(Some(value)))),
            Verdict::Failing(error) => return (None, land(Err(error))),
            Verdict::Stale { refresh: true, .. } | Verdict::Missing => {}
        }
        if current.as_ref().is_some_and(|slot| slot.is_doubted(&trust)) {
            self.counters.revalidated.count();
        }
        let floor = current.as_ref().map_or(0, |slot| slot.floor_version(begun.at));
        let loaded = self.load(key, floor).await;
        // What was read is about to be held; a change may have been committed since.
        fail_point!("cache.after-load");
        let hash = hash_of(key);
        // Vouched for from the moment before it was read: what was not heard since then may have changed it.
        let (slot, answer) = match loaded {
            Ok(Some(Versioned { version, value })) => {
                let value = Arc::new(value);
                (Slot::present(&self.config, hash, version, Arc::clone(&value), begun), Ok(Some(value)))
            }
            Ok(None) => (Slot::absent(&self.config, hash, floor, begun), Ok(None)),
            Err(error) => self.fail(current.as_deref(), error),
        };
        (Some(slot), land(answer))
    }

    /// What a failed load leaves of a slot, and what it can still answer.
    fn fail(&self, current: Option<&Slot<V>>, error: LoadError) -> (Slot<V>, Answer<V>) {
        self.counters.load_error.count();
        tracing::debug!(cache = self.config.name, %error, "cache load failed");
        let trust = self.hearing.trust();
        let until = trust.now.at + self.config.retry_after;
        let slot = Slot::failed(current, until, error.clone(), trust.now);
        let answer = match slot.verdict(&trust) {
            Verdict::Stale { value, .. } => Ok(Some(value)),
            _ => Err(error),
        };
        (slot, answer)
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
