//! The cache against a store that can lag, hang and fail, under a paused clock; and its races on real threads.

mod replicas;

use std::{
    collections::HashMap,
    error::Error,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use service_kit::cache::{CacheConfig, LoadError, Loader, Read, ReadThrough, Versioned};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{advance, sleep},
};

/// Rows by key: the value of a row is its version, so that an answer tells how old it is.
struct Store {
    rows: Mutex<HashMap<u64, u64>>,
    /// Usual reads see the row this many versions ago.
    lag: AtomicU64,
    down: AtomicBool,
    broken: AtomicBool,
    loads: AtomicU64,
    loading: AtomicUsize,
    most_loading: AtomicUsize,
    /// A permit for every load that has read its row and not yet answered.
    has_read: Semaphore,
    /// An answer takes a permit, once there is a gate.
    gate: Semaphore,
    gated: AtomicBool,
}

impl Store {
    fn new(rows: impl IntoIterator<Item = (u64, u64)>) -> Arc<Self> {
        Arc::new(Self {
            rows: Mutex::new(rows.into_iter().collect()),
            lag: AtomicU64::new(0),
            down: AtomicBool::new(false),
            broken: AtomicBool::new(false),
            loads: AtomicU64::new(0),
            loading: AtomicUsize::new(0),
            most_loading: AtomicUsize::new(0),
            has_read: Semaphore::new(0),
            gate: Semaphore::new(0),
            gated: AtomicBool::new(false),
        })
    }

    fn gated(rows: impl IntoIterator<Item = (u64, u64)>) -> Arc<Self> {
        let store = Self::new(rows);
        store.gated.store(true, SeqCst);
        store
    }

    fn write(&self, key: u64, version: u64) {
        self.rows.lock().expect("no panic under the lock").insert(key, version);
    }

    fn remove(&self, key: u64) {
        self.rows.lock().expect("no panic under the lock").remove(&key);
    }

    fn loads(&self) -> u64 {
        self.loads.load(SeqCst)
    }

    async fn a_load_has_read(&self) {
        self.has_read.acquire().await.expect("never closed").forget();
    }

    fn open_gate(&self) {
        self.gate.add_permits(1);
    }
}

#[async_trait]
impl Loader<u64, u64> for Store {
    async fn load(
        &self,
        key: &u64,
        read: Read,
    ) -> Result<Option<Versioned<u64>>, Box<dyn Error + Send + Sync>> {
        self.loads.fetch_add(1, SeqCst);
        assert!(!self.broken.load(SeqCst), "the loader is broken");
        let row = self.rows.lock().expect("no panic under the lock").get(key).copied();
        self.has_read.add_permits(1);
        self.most_loading.fetch_max(self.loading.fetch_add(1, SeqCst) + 1, SeqCst);
        if self.gated.load(SeqCst) {
            self.gate.acquire().await.expect("never closed").forget();
        }
        self.loading.fetch_sub(1, SeqCst);
        if self.down.load(SeqCst) {
            return Err("the store is down".into());
        }
        let lag = if read == Read::Usual { self.lag.load(SeqCst) } else { 0 };
        Ok(row
            .filter(|version| *version > lag)
            .map(|version| Versioned { version: version - lag, value: version - lag }))
    }

    fn weight(&self, _key: &u64, _value: &u64) -> usize {
        1000
    }
}

fn cache(store: &Arc<Store>) -> ReadThrough<u64, u64> {
    ReadThrough::new(CacheConfig::default(), Arc::clone(store) as Arc<dyn Loader<u64, u64>>)
}

async fn version(cache: &ReadThrough<u64, u64>, key: u64) -> Option<u64> {
    cache.get(&key).await.expect("an answer").as_deref().copied()
}

/// What a writer does that has just committed `version`.
fn put(cache: &ReadThrough<u64, u64>, key: u64, version: u64) -> impl Future<Output = ()> {
    let begun = cache.moment();
    async move { cache.put(&key, Versioned { version, value: version }, begun).await }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_concurrent_misses_load_once() {
    let store = Store::gated([(1, 1)]);
    let cache = cache(&store);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let cache = cache.clone();
        callers.spawn(async move { version(&cache, 1).await });
    }
    // All fifty are counted as misses before the one load may answer.
    while cache.stats().miss < 50 {
        tokio::task::yield_now().await;
    }
    store.open_gate();
    assert_eq!(callers.join_all().await, vec![Some(1); 50]);
    let stats = cache.stats();
    assert_eq!((store.loads(), stats.miss, stats.coalesced, stats.hit), (1, 50, 49, 0));
    assert_eq!(version(&cache, 1).await, Some(1));
    assert_eq!(cache.stats().hit, 1);
}

/// A load reads version 1; then version 2 is committed and the cache is told, while the load is still in flight and
/// more readers come. Once the cache has been told, nobody may see version 1 again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_load_from_before_a_change_survives_it() {
    let store = Store::gated([]);
    let cache = cache(&store);
    for key in 0..1000 {
        store.write(key, 1);
        let early = tokio::spawn({
            let cache = cache.clone();
            async move { version(&cache, key).await }
        });
        store.a_load_has_read().await;
        store.write(key, 2);
        let change = tokio::spawn({
            let cache = cache.clone();
            async move {
                if key % 2 == 0 {
                    put(&cache, key, 2).await
                } else {
                    cache.invalidate(&key, 2).await
                }
                // Whoever asks from here on must not be answered by the load from before.
                (version(&cache, key).await, version(&cache, key).await)
            }
        });
        if key % 3 == 0 {
            tokio::task::yield_now().await;
        }
        // One permit for the early load, one for the load that an invalidation makes necessary.
        store.open_gate();
        store.open_gate();
        assert_eq!(early.await.unwrap(), Some(1), "key {key}: the load was in flight");
        assert_eq!(change.await.unwrap(), (Some(2), Some(2)), "key {key}");
        assert_eq!(version(&cache, key).await, Some(2), "key {key}");
        if key % 2 == 0 {
            store.gate.acquire().await.unwrap().forget();
        } else {
            store.a_load_has_read().await;
        }
    }
    assert_eq!(store.loads(), 1500);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_leaves_the_load_to_the_others() {
    let store = Store::gated([(1, 1)]);
    let cache = cache(&store);
    let leader = tokio::spawn({
        let cache = cache.clone();
        async move { version(&cache, 1).await }
    });
    store.a_load_has_read().await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    store.open_gate();
    assert_eq!(version(&cache, 1).await, Some(1));
    assert_eq!(store.loads(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_writer_who_goes_away_has_still_written() {
    let store = Store::gated([(1, 1)]);
    let cache = cache(&store);
    let reader = tokio::spawn({
        let cache = cache.clone();
        async move { version(&cache, 1).await }
    });
    store.a_load_has_read().await;
    let writer = put(&cache, 1, 2);
    // The load excludes the writer, so the writer waits, and then its client hangs up.
    assert!(futures_util::FutureExt::now_or_never(writer).is_none());
    store.open_gate();
    assert_eq!(reader.await.unwrap(), Some(1));
    cache.close().await;
    assert_eq!(version(&cache, 1).await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn fails_fast_for_a_second_after_a_failed_load() {
    let store = Store::new([(1, 1)]);
    let cache = cache(&store);
    store.down.store(true, SeqCst);
    for _ in 0..10 {
        let error = cache.get(&1).await.unwrap_err();
        assert!(matches!(&error, LoadError::Failed(source) if source.to_string() == "the store is down"));
    }
    assert_eq!(store.loads(), 1);
    advance(Duration::from_millis(1001)).await;
    store.down.store(false, SeqCst);
    assert_eq!(version(&cache, 1).await, Some(1));
    assert_eq!((store.loads(), cache.stats().load_error), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_or_a_loader_that_panics_is_an_error() {
    let store = Store::gated([(1, 1), (2, 1)]);
    let cache = cache(&store);
    assert!(matches!(cache.get(&1).await, Err(LoadError::TimedOut)));
    store.broken.store(true, SeqCst);
    assert!(matches!(cache.get(&2).await, Err(LoadError::Panicked)));
    assert_eq!(cache.stats().load_error, 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_value_is_served_while_one_refresh_runs() {
    let store = Store::new([(1, 1)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(1));
    // Above 80 % of the longest lifetime, below all of the shortest.
    advance(Duration::from_secs(3200)).await;
    store.write(1, 2);
    store.gated.store(true, SeqCst);
    for _ in 0..10 {
        assert_eq!(version(&cache, 1).await, Some(1));
    }
    store.open_gate();
    while version(&cache, 1).await == Some(1) {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.loads(), 2);
    assert!(cache.stats().stale >= 10);
}

#[tokio::test(start_paused = true)]
async fn an_old_value_is_served_while_the_store_is_down_and_never_beyond_its_lifetime() {
    let store = Store::new([(1, 1)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(1));
    store.down.store(true, SeqCst);
    advance(Duration::from_secs(3200)).await;
    for _ in 0..4 {
        assert_eq!(version(&cache, 1).await, Some(1));
        sleep(Duration::from_millis(500)).await;
    }
    let tried = cache.stats().load_error;
    assert!((1..=3).contains(&tried), "{tried} refreshes in two seconds");
    advance(Duration::from_secs(3960 - 3200)).await;
    assert!(matches!(cache.get(&1).await, Err(LoadError::Failed(_))));
}

#[tokio::test(start_paused = true)]
async fn a_read_older_than_the_floor_is_read_again_strongly() {
    let store = Store::new([(1, 5)]);
    let cache = cache(&store);
    store.lag.store(1, SeqCst);
    cache.invalidate(&1, 5).await;
    assert_eq!(version(&cache, 1).await, Some(5));
    assert_eq!((store.loads(), cache.stats().floor_reject), (2, 1));
    // Without a floor the usual read is believed.
    store.write(2, 5);
    assert_eq!(version(&cache, 2).await, Some(4));
}

#[tokio::test(start_paused = true)]
async fn absence_is_remembered_briefly_and_a_commit_ends_it() {
    let store = Store::new([]);
    let cache = cache(&store);
    for _ in 0..3 {
        assert_eq!(version(&cache, 1).await, None);
    }
    assert_eq!((store.loads(), cache.stats().negative), (1, 2));
    advance(Duration::from_secs(15)).await;
    assert_eq!(version(&cache, 1).await, None);
    assert_eq!(store.loads(), 2);
    store.write(1, 1);
    put(&cache, 1, 1).await;
    assert_eq!(version(&cache, 1).await, Some(1));
    assert_eq!(store.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_value_does_not_come_back() {
    let store = Store::new([(1, 1)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(1));
    store.remove(1);
    cache.invalidate(&1, 2).await;
    assert_eq!(version(&cache, 1).await, None);
    // A writer that committed before the deletion, and comes late, changes nothing.
    put(&cache, 1, 1).await;
    assert_eq!(version(&cache, 1).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_newer_value_is_never_replaced_by_an_older_one() {
    let store = Store::new([]);
    let cache = cache(&store);
    // Of two commits, the one that began first tells the cache last.
    let late = put(&cache, 1, 2);
    advance(Duration::from_millis(1)).await;
    put(&cache, 1, 3).await;
    late.await;
    cache.invalidate(&1, 3).await;
    assert_eq!((version(&cache, 1).await, store.loads()), (Some(3), 0));
}

#[tokio::test(start_paused = true)]
async fn loads_in_flight_are_bounded() {
    let store = Store::gated((0..10).map(|key| (key, 1)));
    let config = CacheConfig { concurrent_loads: 2, ..CacheConfig::default() };
    let cache = ReadThrough::new(config, Arc::clone(&store) as Arc<dyn Loader<u64, u64>>);
    let mut callers = JoinSet::new();
    for key in 0..10 {
        let cache = cache.clone();
        callers.spawn(async move { version(&cache, key).await });
    }
    for _ in 0..10 {
        store.a_load_has_read().await;
        store.open_gate();
    }
    assert_eq!(callers.join_all().await, vec![Some(1); 10]);
    assert_eq!(store.most_loading.load(SeqCst), 2);
}

#[tokio::test]
async fn memory_is_bounded_by_weight() {
    let store = Store::new([]);
    let config = CacheConfig { capacity_bytes: 100_000, ..CacheConfig::default() };
    let cache = ReadThrough::new(config, Arc::clone(&store) as Arc<dyn Loader<u64, u64>>);
    for key in 0..10_000 {
        put(&cache, key, 1).await;
    }
    // At 1256 bytes a slot 79 fit; Moka sweeps in batches, so a few more may still be there.
    let evicted = cache.stats().evicted;
    assert!(evicted > 9_000, "{evicted} of 10000 went");
}

#[tokio::test(start_paused = true)]
async fn a_closed_cache_still_answers_from_memory() {
    let store = Store::new([(1, 1), (2, 1)]);
    let cache = cache(&store);
    assert_eq!(version(&cache, 1).await, Some(1));
    cache.close().await;
    assert_eq!(version(&cache, 1).await, Some(1));
    assert!(matches!(cache.get(&2).await, Err(LoadError::Closed)));
}
