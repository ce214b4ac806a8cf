//! Leases: which instance sweeps which shard.
//!
//! They save work and duplicates, and nothing depends on them: two instances that sweep one shard publish its events
//! twice. So they may be told by wall clocks.

mod plan;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use self::plan::{Step, plan};
use super::{
    find::READS_MAX,
    shard::{Shard, first_cursor},
    sweep::Sweeper,
};
use crate::{
    clock::UnixMillis,
    cql::{
        Cas, CqlError,
        commit::{
            commits::Inner,
            place::{SHARDS, bucket_at},
            rows,
        },
    },
};

/// How often the rows of shards are added when nobody knows whether they were.
const TRIES: usize = 4;

/// A shard's row.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lease {
    shard: i16,
    owner: Option<String>,
    heir: Option<String>,
    until: UnixMillis,
    cursor: i32,
    epoch: i64,
}

/// Adds the rows of shards that were never swept.
///
/// # Errors
/// [`CqlError`].
pub(in crate::cql::commit) async fn add_shards(inner: &Inner) -> Result<(), CqlError> {
    let mut tries = 0;
    loop {
        match add_missing(inner).await {
            // Whatever became of it is there at the next look.
            Err(error) if error.is_unknown() && tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

async fn add_missing(inner: &Inner) -> Result<(), CqlError> {
    let known: Vec<i16> = leases(inner).await?.into_iter().map(|lease| lease.shard).collect();
    let cursor = first_cursor(bucket_at(inner.clock.now()));
    let missing: Vec<i16> = (0..SHARDS).filter(|shard| !known.contains(shard)).collect();
    let added = stream::iter(missing)
        .map(async |shard| inner.aggregates.cql.cas(&inner.shards.add, (shard, cursor)).await)
        .buffer_unordered(READS_MAX);
    added.try_for_each(async |_| Ok(())).await
}

async fn leases(inner: &Inner) -> Result<Vec<Lease>, CqlError> {
    type Row = (i16, Option<String>, Option<String>, Option<i64>, Option<i32>, Option<i64>);
    let rows = rows::all::<Row>(&inner.aggregates.cql, &inner.shards.all, ()).await?;
    let lease = |(shard, owner, heir, until, cursor, epoch): Row| Lease {
        shard,
        owner,
        heir,
        until: UnixMillis(until.and_then(|ms| ms.try_into().ok()).unwrap_or_default()),
        cursor: cursor.unwrap_or_default(),
        epoch: epoch.unwrap_or_default(),
    };
    Ok(rows.into_iter().map(lease).collect())
}

impl Sweeper {
    /// Renews the leases that are held, and takes or gives some so that each instance has its share.
    pub(super) async fn hold_leases(&mut self, inner: &Inner, now: UnixMillis) -> Result<(), CqlError> {
        let length = inner.config.lease;
        // What is due later than ever planned was planned before the clock was set back.
        if now < self.renew_at && self.renew_at <= now.after(length) {
            return Ok(());
        }
        let leases = leases(inner).await?;
        let me = inner.config.instance.as_str();
        let is_still_held = |shard: &i16, held: &Shard| {
            leases
                .iter()
                .any(|l| l.shard == *shard && l.owner.as_deref() == Some(me) && l.epoch == held.epoch)
        };
        self.held.retain(|shard, held| is_still_held(shard, held));
        let steps: Vec<_> = plan(&leases, me, now)
            .into_iter()
            .map(|(lease, step)| {
                let cursor = self.held.get(&lease.shard).map_or(lease.cursor, Shard::cursor);
                (lease.clone(), step, cursor)
            })
            .collect();
        let taken = stream::iter(steps)
            .map(async |(lease, step, cursor)| {
                let outcome = inner.step(&lease, &step, cursor, now).await;
                (lease, step, outcome)
            })
            .buffer_unordered(READS_MAX);
        for (lease, step, outcome) in taken.collect::<Vec<_>>().await {
            self.stepped(&lease, &step, outcome);
        }
        self.renew_at = now.after(length / 3);
        Ok(())
    }

    fn stepped(&mut self, lease: &Lease, step: &Step, outcome: Result<Cas, CqlError>) {
        let (shard, is_done) = (lease.shard, matches!(outcome, Ok(Cas::Applied)));
        if let Err(error) = outcome {
            // Whatever became of it is in the row, which is read again soon.
            tracing::debug!(shard, error = %mesh_telemetry::chain(&error), "a lease is uncertain");
        }
        match step {
            Step::Renew | Step::Decline if is_done => {
                // Its own from a former life under the same name.
                self.held.entry(shard).or_insert_with(|| Shard::new(lease.epoch, lease.cursor));
            }
            Step::Take if is_done => {
                tracing::debug!(shard, "shard of the outbox taken");
                self.held.insert(shard, Shard::new(lease.epoch + 1, lease.cursor));
            }
            Step::HandOver(_) => {
                self.held.remove(&shard);
            }
            Step::Renew | Step::Decline | Step::Take | Step::Ask => {}
        }
    }
}

impl Inner {
    async fn step(&self, lease: &Lease, step: &Step, cursor: i32, now: UnixMillis) -> Result<Cas, CqlError> {
        let (cql, statements) = (&self.aggregates.cql, &self.shards);
        let Lease { shard, epoch, .. } = lease;
        let me = self.config.instance.as_str();
        let until = millis(now.after(self.config.lease));
        match step {
            Step::Take => {
                let values = (me, until, epoch + 1, shard, epoch, millis(lease.until));
                cql.cas(&statements.take, values).await
            }
            Step::Renew => cql.cas(&statements.renew, (until, cursor, shard, me, epoch)).await,
            Step::Decline => cql.cas(&statements.decline, (until, cursor, shard, me, epoch)).await,
            Step::Ask => cql.cas(&statements.ask, (me, shard, epoch)).await,
            Step::HandOver(heir) => {
                let values = (heir, until, cursor, epoch + 1, shard, me, epoch);
                cql.cas(&statements.hand_over, values).await
            }
        }
    }
}

fn millis(time: UnixMillis) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}
