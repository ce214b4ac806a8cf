//! Two caches on one store, as two replicas have them, whose writes reach each other late, in any order, or, in a gap,
//! never. Writers, readers and announcements wait at random between all of their steps.
//!
//! What must hold of every read: it shows no less than what its own replica was told is done before the read began,
//! whether by an acknowledgement, by an announcement, or by the end of a gap.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use service_kit::cache::{CacheConfig, Loader, Moment, Read, ReadThrough, Versioned};
use tokio::{task::JoinSet, time::sleep};

const KEYS: u64 = 2;
const REPLICAS: usize = 2;
const WRITES: usize = 8;
const READS: usize = 24;
const GAPS: usize = 2;

/// How the steps of a run are interleaved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// By the paused clock of a runtime of one thread: the same for one seed.
    Clock,
    /// By real threads, which are only told to make room.
    Threads,
}

/// What was seen and must not be.
#[derive(Debug)]
pub(crate) struct Violation {
    #[expect(dead_code, reason = "it is for whoever reads the failure of a test")]
    told: String,
}

/// A row: which change made it, counted over all rows' changes, and the version it has. No version: deleted.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    change: u64,
    version: Option<u64>,
}

/// What happened to a row.
#[derive(Clone, Copy, Debug)]
enum Event {
    Created,
    Updated { version: u64 },
    Deleted,
}

#[derive(Default)]
struct State {
    changes: u64,
    rows: HashMap<u64, Row>,
    /// The changes after which a row was not there.
    absences: HashMap<u64, HashSet<u64>>,
    /// The latest change of each row that was published.
    published: HashMap<u64, u64>,
    /// Answers and announcements of each row's changes that are under way somewhere.
    under_way: HashMap<u64, usize>,
    /// Replicas that hear nothing, or are yet to be told that they do.
    gaps: usize,
}

struct Replica {
    cache: ReadThrough<u64, u64>,
    /// Counts the connections; odd while there is one.
    connection: AtomicU64,
    /// The latest change of each row that this replica was told of.
    told: Mutex<HashMap<u64, u64>>,
}

struct Rows {
    state: Mutex<State>,
    pace: Pace,
    rng: Mutex<SmallRng>,
}

struct World {
    rows: Arc<Rows>,
    replicas: Vec<Replica>,
    violations: Mutex<Vec<Violation>>,
    is_over: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic under a lock")
}

impl Rows {
    fn draw(&self, below: u64) -> u64 {
        lock(&self.rng).random_range(0..below)
    }

    /// Waits for a random while of at most `most` steps.
    async fn pause(&self, most: u64) {
        let steps = self.draw(most + 1);
        match self.pace {
            Pace::Clock => sleep(Duration::from_millis(steps)).await,
            Pace::Threads => {
                for _ in 0..steps {
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn row(&self, key: u64) -> Row {
        self.state().rows.get(&key).copied().unwrap_or_default()
    }

    /// Changes a row, atomically, if it still is as it was `seen`. `None`: it is not, or it is not there and it is too
    /// early to bring it back.
    fn commit(&self, key: u64, seen: Row) -> Option<(Row, Event)> {
        let deletes = self.draw(8) == 0;
        let mut state = self.state();
        let Row { change, version } = state.rows.get(&key).copied().unwrap_or_default();
        if change != seen.change {
            return None;
        }
        let (version, event) = match version {
            Some(_) if deletes => (None, Event::Deleted),
            Some(version) => (Some(version + 1), Event::Updated { version: version + 1 }),
            // An id is used again days after, and begins at version 1 again: everybody has heard of its end by then.
            None if state.gaps > 0 || state.under_way.get(&key).is_some_and(|under_way| *under_way > 0) => {
                return None;
            }
            None => (Some(1), Event::Created),
        };
        state.changes += 1;
        let row = Row { change: state.changes, version };
        state.rows.insert(key, row);
        if version.is_none() {
            state.absences.entry(key).or_default().insert(row.change);
        }
        *state.under_way.entry(key).or_default() += 2;
        Some((row, event))
    }
}

#[async_trait]
impl Loader<u64, u64> for Rows {
    async fn load(
        &self,
        key: &u64,
        _read: Read,
    ) -> Result<Option<Versioned<u64>>, Box<dyn Error + Send + Sync>> {
        self.pause(3).await;
        let Row { change, version } = self.row(*key);
        self.pause(5).await;
        if self.draw(40) == 0 {
            return Err("the store does not answer".into());
        }
        Ok(version.map(|version| Versioned { version, value: change }))
    }

    fn weight(&self, _key: &u64, _value: &u64) -> usize {
        8
    }
}

impl Replica {
    fn raise(&self, key: u64, change: u64) {
        let mut told = lock(&self.told);
        let latest = told.entry(key).or_default();
        *latest = change.max(*latest);
    }

    async fn apply(&self, key: u64, event: Event) {
        match event {
            Event::Created => self.cache.forget(&key).await,
            Event::Updated { version } => self.cache.invalidate(&key, version).await,
            Event::Deleted => self.cache.invalidate(&key, u64::MAX).await,
        }
    }

    /// What a writer does before its answer goes out.
    async fn settle(&self, key: u64, row: Row, event: Event, begun: Moment) {
        match event {
            Event::Updated { version } => {
                self.cache.put(&key, Versioned { version, value: row.change }, begun).await
            }
            _ => self.apply(key, event).await,
        }
    }
}

impl World {
    fn new(seed: u64, pace: Pace) -> Arc<Self> {
        let state = State {
            rows: (0..KEYS).map(|key| (key, Row { change: 0, version: Some(1) })).collect(),
            ..State::default()
        };
        let rng = Mutex::new(SmallRng::seed_from_u64(seed));
        let rows = Arc::new(Rows { state: Mutex::new(state), pace, rng });
        let config = CacheConfig { retry_after: Duration::from_millis(5), ..CacheConfig::default() };
        let replica = |_| Replica {
            cache: ReadThrough::new(config.clone(), Arc::clone(&rows) as Arc<dyn Loader<u64, u64>>),
            connection: AtomicU64::new(1),
            told: Mutex::default(),
        };
        let replicas = (0..REPLICAS).map(replica).collect();
        Arc::new(Self { rows, replicas, violations: Mutex::default(), is_over: AtomicBool::new(false) })
    }

    async fn write(self: Arc<Self>, replica: usize) {
        let mut announcements = JoinSet::new();
        for _ in 0..WRITES {
            self.rows.pause(12).await;
            let key = self.rows.draw(KEYS);
            let here = &self.replicas[replica];
            let seen = self.rows.row(key);
            let begun = here.cache.moment();
            self.rows.pause(3).await;
            let Some((row, event)) = self.rows.commit(key, seen) else { continue };
            // It is published whenever somebody comes to it, also before the writer has its answer.
            announcements.spawn(Arc::clone(&self).announce(key, row, event));
            self.rows.pause(6).await;
            if self.rows.draw(8) == 0 {
                // The answer was lost. Whatever happened, what is held may be old.
                here.cache.invalidate(&key, row.version.unwrap_or(u64::MAX)).await;
            } else {
                here.settle(key, row, event, begun).await;
                here.raise(key, row.change);
            }
            self.arrived(key);
        }
        announcements.join_all().await;
    }

    async fn announce(self: Arc<Self>, key: u64, row: Row, event: Event) {
        self.rows.pause(10).await;
        let mut deliveries = JoinSet::new();
        {
            let mut state = self.rows.state();
            let latest = state.published.entry(key).or_default();
            *latest = row.change.max(*latest);
            for replica in 0..REPLICAS {
                let connection = self.replicas[replica].connection.load(SeqCst);
                deliveries.spawn(Arc::clone(&self).deliver(replica, connection, key, row, event));
            }
        }
        deliveries.join_all().await;
        self.arrived(key);
    }

    fn arrived(&self, key: u64) {
        *self.rows.state().under_way.entry(key).or_default() -= 1;
    }

    async fn deliver(self: Arc<Self>, replica: usize, connection: u64, key: u64, row: Row, event: Event) {
        let replica = &self.replicas[replica];
        self.rows.pause(10).await;
        // What was queued for a connection is gone with it.
        if connection % 2 == 1 && replica.connection.load(SeqCst) == connection {
            replica.apply(key, event).await;
            replica.raise(key, row.change);
        }
    }

    async fn interrupt(self: Arc<Self>, replica: usize) {
        let replica = &self.replicas[replica];
        for _ in 0..GAPS {
            self.rows.pause(40).await;
            self.rows.state().gaps += 1;
            replica.connection.fetch_add(1, SeqCst);
            self.rows.pause(10).await;
            replica.cache.interrupted();
            self.rows.pause(20).await;
            let missed = {
                let state = self.rows.state();
                replica.connection.fetch_add(1, SeqCst);
                state.published.clone()
            };
            self.rows.pause(5).await;
            replica.cache.resumed();
            missed.into_iter().for_each(|(key, change)| replica.raise(key, change));
            self.rows.state().gaps -= 1;
        }
    }

    async fn read(self: Arc<Self>, replica: usize) {
        for _ in 0..READS {
            self.rows.pause(6).await;
            self.look(replica, self.rows.draw(KEYS)).await;
        }
    }

    /// Reads once, and compares with what the replica was told before.
    async fn look(&self, replica: usize, key: u64) {
        let told = lock(&self.replicas[replica].told).get(&key).copied().unwrap_or(0);
        let is_over = self.is_over.load(SeqCst);
        let answer = loop {
            match self.replicas[replica].cache.get(&key).await {
                Ok(answer) => break answer,
                // In the end it must be found out; meanwhile no answer is as good as a right one.
                Err(_) if is_over => self.rows.pause(6).await,
                Err(_) => return,
            }
        };
        let seen = answer.as_deref().copied();
        let state = self.rows.state();
        let row = state.rows.get(&key).copied().unwrap_or_default();
        let is_right = match seen {
            Some(change) if is_over => row.version.is_some() && row.change == change,
            Some(change) => change >= told,
            None if is_over => row.version.is_none(),
            None => {
                state.absences.get(&key).is_some_and(|absent| absent.iter().any(|change| *change >= told))
            }
        };
        drop(state);
        if !is_right {
            let told =
                format!("replica {replica} was told of change {told} of {key}, shows {seen:?}, is {row:?}");
            lock(&self.violations).push(Violation { told });
        }
    }
}

/// One run, until nothing is under way any more; then both replicas must show what is there.
pub(crate) async fn run(seed: u64, pace: Pace) -> Vec<Violation> {
    let world = World::new(seed, pace);
    let mut parts = JoinSet::new();
    for replica in 0..REPLICAS {
        parts.spawn(Arc::clone(&world).write(replica));
        parts.spawn(Arc::clone(&world).write(replica));
        parts.spawn(Arc::clone(&world).read(replica));
        parts.spawn(Arc::clone(&world).read(replica));
        parts.spawn(Arc::clone(&world).interrupt(replica));
    }
    parts.join_all().await;
    world.is_over.store(true, SeqCst);
    for replica in 0..REPLICAS {
        for key in 0..KEYS {
            world.look(replica, key).await;
        }
        world.replicas[replica].cache.close().await;
    }
    std::mem::take(&mut *lock(&world.violations))
}

/// A run under the paused clock, on a runtime of its own.
pub(crate) fn run_by_clock(seed: u64) -> Vec<Violation> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(run(seed, Pace::Clock))
}
