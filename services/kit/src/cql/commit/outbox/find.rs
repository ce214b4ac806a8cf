//! Looks into buckets.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use mesh_events::OutboxKey;
use uuid::Uuid;

use super::{published, window::Candidate};
use crate::cql::{
    CqlError,
    commit::{
        commits::Inner,
        key::Key,
        place::Place,
        rows,
        statements::{INTENTS_PAGE, SETS_PAGE},
    },
};

/// Reads at once.
pub(super) const READS_MAX: usize = 16;
/// Buckets that one read asks about; clusters limit the partitions of one query, ScyllaDB to 100.
const ASKED_MAX: usize = 64;

/// A bucket of a shard; they are looked at in the order of time.
pub(super) type Slot = (i32, i16);

/// What a bucket holds.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) rows: usize,
    pub(super) unmarked: Vec<Candidate>,
}

impl Inner {
    /// Which of these buckets hold any intent.
    pub(super) async fn filled(&self, slots: &[Slot]) -> Result<BTreeSet<Slot>, CqlError> {
        let mut by_shard: BTreeMap<i16, Vec<i32>> = BTreeMap::new();
        for (bucket, shard) in slots {
            by_shard.entry(*shard).or_default().push(*bucket);
        }
        let asked: Vec<(i16, Vec<i32>)> = by_shard
            .iter()
            .flat_map(|(shard, buckets)| buckets.chunks(ASKED_MAX).map(|some| (*shard, some.to_vec())))
            .collect();
        let filled = stream::iter(asked)
            .map(async |(shard, buckets)| -> Result<Vec<Slot>, CqlError> {
                let found =
                    rows::all::<(i32,)>(&self.aggregates.cql, &self.outbox.filled, (shard, buckets)).await?;
                Ok(found.into_iter().map(|(bucket,)| (bucket, shard)).collect())
            })
            .buffer_unordered(READS_MAX);
        let filled: Vec<_> = filled.try_collect().await?;
        Ok(filled.into_iter().flatten().collect())
    }

    /// What each of these buckets holds.
    pub(super) async fn look_into(&self, slots: &[Slot]) -> Result<Vec<(Slot, Bucket)>, CqlError> {
        let looks = stream::iter(slots.to_vec())
            .map(async |slot| -> Result<_, CqlError> { Ok((slot, self.bucket(slot).await?)) })
            .buffered(READS_MAX);
        looks.try_collect().await
    }

    async fn bucket(&self, (bucket, shard): Slot) -> Result<Bucket, CqlError> {
        type Row = (Uuid, Uuid, Option<i64>, Option<Vec<u8>>);
        let mut found = Bucket::default();
        let mut after = (Uuid::nil(), Uuid::nil());
        loop {
            let values = (shard, bucket, after.0, after.1);
            let intents = rows::all::<Row>(&self.aggregates.cql, &self.outbox.intents, values).await?;
            let Some(last) = intents.last().map(|(event, attempt, ..)| (*event, *attempt)) else { break };
            let values = (shard, bucket, after.0, after.1, last.0, last.1);
            let marks = rows::all::<(Uuid, Uuid)>(&self.aggregates.cql, &self.outbox.marks, values).await?;
            let marked: HashSet<(Uuid, Uuid)> = marks.into_iter().collect();
            let is_last = intents.len() < usize::try_from(INTENTS_PAGE).unwrap_or(usize::MAX);
            found.rows += intents.len();
            for (event, attempt, occurred, aggregate) in intents {
                if marked.contains(&(event, attempt)) {
                    continue;
                }
                let occur_time_ms = occurred.and_then(|ms| ms.try_into().ok()).unwrap_or_default();
                found.unmarked.push(Candidate {
                    key: OutboxKey { occur_time_ms, id: event },
                    place: Place { shard, bucket, attempt },
                    aggregate: Key::decode(&aggregate.unwrap_or_default())?,
                });
            }
            if is_last {
                break;
            }
            after = last;
        }
        if !found.unmarked.is_empty() {
            // After the intents: what is published meanwhile is not found as left behind.
            let published = self.published((bucket, shard)).await?;
            found
                .unmarked
                .retain(|candidate| !published.contains(&(candidate.key.id, candidate.place.attempt)));
        }
        Ok(found)
    }

    /// The intents of a bucket that are published.
    async fn published(&self, (bucket, shard): Slot) -> Result<HashSet<published::Intent>, CqlError> {
        let mut found = HashSet::new();
        let mut after = Uuid::nil();
        loop {
            let values = (shard, bucket, after);
            let sets =
                rows::all::<(Uuid, Vec<u8>)>(&self.aggregates.cql, &self.outbox.published, values).await?;
            for (id, set) in &sets {
                match published::decode(set) {
                    Ok(intents) => found.extend(intents),
                    // The others must not wait for it; what it names comes twice.
                    Err(error) => {
                        tracing::error!(shard, bucket, set = %id, %error, "a set of published intents cannot be read");
                    }
                }
            }
            let is_last = sets.len() < usize::try_from(SETS_PAGE).unwrap_or(usize::MAX);
            match sets.last() {
                Some((last, _)) if !is_last => after = *last,
                _ => return Ok(found),
            }
        }
    }
}
