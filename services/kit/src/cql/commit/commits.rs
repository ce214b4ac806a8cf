//! The writer's side: intend, check, commit.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fail::fail_point;
use futures_util::future::try_join_all;
use scylla::value::CqlValue;
use uuid::Uuid;

use super::{
    CommitConfig, CommitError, CqlOutbox, Draft, Intended, Outcome, Recalled, Table,
    boot_time::BootTime,
    fence::{Aggregates, Look, next},
    key::Key,
    outbox::{Sweeper, add_shards},
    place::{Place, Places, bucket_at, shard_of},
    statements::{AggregateStatements, OutboxStatements, ShardStatements},
};
use crate::{
    clock::Clock,
    cql::{Bound, Cql, CqlError},
    requests::{REMEMBERED, Request},
};

/// How often an intent that became too old is written anew.
const INTENTS: usize = 3;

/// Commits to the aggregates of one [`Table`], with their events and the memory of their requests. Clones share it.
#[derive(Clone)]
pub struct Commits {
    inner: Arc<Inner>,
}

/// What the writer's side and the sweeper share.
pub(super) struct Inner {
    pub(super) aggregates: Aggregates,
    pub(super) outbox: OutboxStatements,
    pub(super) shards: ShardStatements,
    pub(super) clock: Clock,
    pub(super) config: CommitConfig,
    /// Where committed events' intents are, until they are marked.
    pub(super) places: Mutex<Places>,
    pub(super) sweeper: tokio::sync::Mutex<Sweeper>,
    /// When the oldest unpublished event happened, as far as the sweeper knows; `u64::MAX`: there is none.
    pub(super) oldest_ms: AtomicU64,
    /// Intents without a mark in buckets that had been closed.
    pub(super) overlooked: AtomicU64,
}

impl Commits {
    /// Prepares every statement. The service's table and [`MIGRATIONS`](super::MIGRATIONS) must have been applied.
    ///
    /// # Errors
    /// [`CqlError`] when a table or column is missing, or the cluster cannot be asked.
    pub async fn open(cql: Cql, clock: Clock, config: CommitConfig, table: Table) -> Result<Self, CqlError> {
        let inner = Inner {
            outbox: OutboxStatements::prepare(&cql).await?,
            shards: ShardStatements::prepare(&cql).await?,
            aggregates: Aggregates { statements: AggregateStatements::prepare(&cql, table).await?, cql },
            clock,
            config,
            places: Mutex::default(),
            sweeper: tokio::sync::Mutex::default(),
            oldest_ms: AtomicU64::new(u64::MAX),
            overlooked: AtomicU64::new(0),
        };
        // Before the first intent of this instance, so that no sweeper begins behind it.
        add_shards(&inner).await?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What is known of a request, by a look that changes nothing; an answer that expired is not known.
    ///
    /// # Errors
    /// [`CommitError::Unavailable`].
    pub async fn recall(&self, request: &Request) -> Result<Recalled, CommitError> {
        self.inner.recall(request).await
    }

    /// The partition's `rev`; `None` while nothing was ever committed or fenced there.
    ///
    /// # Errors
    /// [`CommitError::Unavailable`].
    pub async fn revision(&self, key: &CqlValue) -> Result<Option<i64>, CommitError> {
        let key = Key::of(key).map_err(CommitError::Unavailable)?;
        self.inner.aggregates.rev(&key, Look::Quick).await.map_err(CommitError::Unavailable)
    }

    /// Makes the draft's intent, its request's pointer and the service's own `pointers` durable, all at once. Nothing
    /// of it is true yet.
    ///
    /// `expected` is the partition's `rev` as it was read before; `None` takes the partition for one that was never
    /// written. It has to be known first: a `rev` that is read later may be that of the sweeper's fence around this
    /// very intent, and the fence would keep nobody out.
    ///
    /// # Errors
    /// [`CommitError::Unavailable`], [`CommitError::OutboxLag`].
    pub async fn intend(
        &self,
        draft: Draft,
        expected: Option<i64>,
        pointers: Vec<Bound>,
    ) -> Result<Intended, CommitError> {
        let Draft { key, event, request } = draft;
        if event.is_some() {
            self.inner.check_lag()?;
        }
        let key = Key::of(&key).map_err(CommitError::Unavailable)?;
        let mut intended = Intended { key, expected, attempt: Uuid::new_v4(), event, request, intent: None };
        let own_pointer = async {
            let Some(request) = intended.request() else { return Ok(()) };
            let values = (request.key.as_slice(), request.fingerprint.as_slice(), intended.key.encode());
            self.inner.aggregates.cql.write(&self.inner.outbox.put_pointer, values).await
        };
        let others = try_join_all(pointers.iter().map(|bound| self.inner.aggregates.cql.write_bound(bound)));
        let written = tokio::try_join!(self.inner.write_intent(&intended), own_pointer, others);
        let (intent, (), _) = written.map_err(CommitError::Unavailable)?;
        intended.intent = intent;
        // Durable, and nothing of it true.
        fail_point!("commit.after-intent");
        Ok(intended)
    }

    /// Whether the draft's request was decided already, here or at another aggregate. If it is new, no other content can
    /// be committed for it before this draft is.
    ///
    /// # Errors
    /// [`CommitError::Unavailable`].
    pub async fn check_request(&self, intended: &Intended) -> Result<Recalled, CommitError> {
        match intended.request() {
            Some(request) => self.inner.check(&intended.key, request).await,
            None => Ok(Recalled::New),
        }
    }

    /// Commits the draft together with the service's `writes`, if the partition's `rev` is still the expected
    /// one.
    ///
    /// `writes` are statements on the same partition, prepared with [`Purpose::Cas`](crate::cql::Purpose::Cas) and
    /// without conditions.
    ///
    /// # Errors
    /// Every [`CommitError`] but `OutboxLag`; only `Unknown` leaves open whether it happened.
    pub async fn commit(&self, intended: Intended, writes: Vec<Bound>) -> Result<Outcome, CommitError> {
        let intended = self.inner.freshen(intended).await?;
        let batch = self.inner.batch(&intended, writes);
        fail_point!("commit.before-commit");
        let outcome = self.inner.send(&intended, &batch).await?;
        match (outcome, &intended.event, &intended.intent) {
            (Outcome::Moved, ..) => self.inner.abort(&intended).await,
            (Outcome::Committed { .. }, Some(event), Some((place, _))) => {
                // True, and neither the caller nor the relay knows.
                fail_point!("commit.after-commit");
                self.inner.places().remember(event.id, *place);
            }
            (Outcome::Committed { .. }, ..) => {}
        }
        Ok(outcome)
    }

    /// Says that a draft will not be committed, which saves the sweeper the fence. Whoever does not say so, or is not
    /// heard, does no harm.
    pub async fn abandon(&self, intended: Intended) {
        self.inner.abort(&intended).await;
    }

    /// Moves the partition's `rev`: whoever read it before cannot commit any more.
    ///
    /// # Errors
    /// [`CommitError::Unavailable`] when it is not certain that it was moved.
    pub async fn fence(&self, key: &CqlValue) -> Result<(), CommitError> {
        let key = Key::of(key).map_err(CommitError::Unavailable)?;
        self.inner.aggregates.fence(&key).await.map_err(CommitError::Unavailable)
    }

    /// The outbox, for the relay. All outboxes of these commits share one sweeper.
    #[must_use]
    pub fn outbox(&self) -> CqlOutbox {
        CqlOutbox::new(Arc::clone(&self.inner))
    }

    /// How old the oldest event is that is committed and not published, as far as this instance knows.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.inner.lag()
    }
}

impl Inner {
    pub(super) fn places(&self) -> std::sync::MutexGuard<'_, Places> {
        // Whatever panicked left a map of hints.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lag(&self) -> Duration {
        let oldest_ms = self.oldest_ms.load(Ordering::Relaxed);
        Duration::from_millis(self.clock.now().0.saturating_sub(oldest_ms))
    }

    fn check_lag(&self) -> Result<(), CommitError> {
        let (lag, max) = (self.lag(), self.config.lag_max);
        if lag > max { Err(CommitError::OutboxLag { lag, max }) } else { Ok(()) }
    }

    /// Writes the intent of a draft that has an event; says where it is, and when that was computed.
    async fn write_intent(&self, intended: &Intended) -> Result<Option<(Place, BootTime)>, CqlError> {
        let Some(event) = &intended.event else { return Ok(None) };
        // Its age counts from before the bucket was computed.
        let begun = BootTime::now();
        let (shard, bucket) = (shard_of(&intended.key), bucket_at(self.clock.now()));
        let occurred = i64::try_from(event.occur_time_ms).unwrap_or(i64::MAX);
        let values = (shard, bucket, event.id, intended.attempt, occurred, intended.key.encode());
        self.aggregates.cql.write(&self.outbox.put_intent, values).await?;
        Ok(Some((Place { shard, bucket, attempt: intended.attempt }, begun)))
    }

    /// The draft with an intent that is young enough: its bucket is not closed before the commit is sent.
    async fn freshen(&self, mut intended: Intended) -> Result<Intended, CommitError> {
        for _ in 0..INTENTS {
            match &intended.intent {
                Some((_, begun)) if begun.elapsed() >= self.config.commit_within => {}
                _ => return Ok(intended),
            }
            // It was never sent, and this attempt never will be.
            self.abort(&intended).await;
            intended.attempt = Uuid::new_v4();
            intended.intent = self.write_intent(&intended).await.map_err(CommitError::Unavailable)?;
        }
        self.abort(&intended).await;
        Err(CommitError::Unavailable(CqlError::Refused("every intent became too old".into())))
    }

    /// The conditional batch that is the commit.
    fn batch(&self, intended: &Intended, writes: Vec<Bound>) -> Vec<Bound> {
        let AggregateStatements { begin, move_on, put_event, put_memory, .. } = &self.aggregates.statements;
        let (key, attempt) = (intended.key.value(), CqlValue::Uuid(intended.attempt));
        let bind = |values: Vec<CqlValue>| values.into_iter().map(Some).collect();
        let mut batch = Vec::with_capacity(3 + writes.len());
        let rev = CqlValue::BigInt(next(intended.expected));
        batch.push(match intended.expected {
            None => begin.bind(bind(vec![rev, key.clone()])),
            Some(expected) => move_on.bind(bind(vec![rev, key.clone(), CqlValue::BigInt(expected)])),
        });
        if let Some(event) = &intended.event {
            let id = CqlValue::Blob(event.id.as_bytes().to_vec());
            let body = CqlValue::Blob(event.encode().to_vec());
            batch.push(put_event.bind(bind(vec![key.clone(), id, attempt.clone(), body])));
        }
        if let Some((request, answer)) = &intended.request {
            let expiry = i64::try_from(self.clock.now().after(REMEMBERED).0).unwrap_or(i64::MAX);
            batch.push(put_memory.bind(bind(vec![
                key,
                CqlValue::Blob(request.key.to_vec()),
                attempt,
                CqlValue::Blob(request.fingerprint.to_vec()),
                CqlValue::BigInt(expiry),
                CqlValue::Blob(answer.clone()),
            ])));
        }
        batch.extend(writes);
        batch
    }
}

impl fmt::Debug for Commits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { aggregates, config, .. } = &*self.inner;
        f.debug_struct("Commits")
            .field("cql", &aggregates.cql)
            .field("config", config)
            .finish_non_exhaustive()
    }
}
