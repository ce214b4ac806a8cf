//! Marks: what became of an intent.

use std::collections::HashMap;

use fail::fail_point;
use futures_util::{StreamExt as _, stream};
use mesh_events::OutboxKey;
use uuid::Uuid;

use super::published;
use crate::cql::{
    CqlError,
    commit::{Intended, commits::Inner, place::Place},
};

/// Writes at once.
const WRITES_MAX: usize = 16;

/// In `outbox_mark`: the intent was not committed and never will be. 1 was "published" before that had a table of its
/// own.
const ABORTED: i8 = 2;

impl Inner {
    /// Marks an intent whose commit was refused or never sent. Best effort: the sweeper finds out by itself.
    pub(in crate::cql::commit) async fn abort(&self, intended: &Intended) {
        let (Some(event), Some((place, _))) = (&intended.event, &intended.intent) else { return };
        let values = (place.shard, place.bucket, event.id, place.attempt, ABORTED);
        if let Err(error) = self.aggregates.cql.write(&self.outbox.put_mark_maybe, values).await {
            tracing::debug!(event.id = %event.id, error = %mesh_telemetry::chain(&error), "intent is left to the sweeper");
        }
    }

    /// Marks an intent for good that was not committed and never will be.
    pub(super) async fn mark_aborted(&self, event: Uuid, place: Place) -> Result<(), CqlError> {
        let values = (place.shard, place.bucket, event, place.attempt, ABORTED);
        self.aggregates.cql.write(&self.outbox.put_mark, values).await
    }

    /// Marks events whose places are known; the sweeper finds the others.
    pub(super) async fn mark_published(&self, keys: &[OutboxKey]) -> Result<(), CqlError> {
        let mut by_bucket: HashMap<(i16, i32), Vec<(Uuid, Place)>> = HashMap::new();
        {
            let mut places = self.places();
            for key in keys {
                for place in places.take(&key.id) {
                    by_bucket.entry((place.shard, place.bucket)).or_default().push((key.id, place));
                }
            }
        }
        let sets = by_bucket
            .iter()
            .flat_map(|(slot, marks)| marks.chunks(published::SET_MAX).map(|marks| (*slot, marks.to_vec())));
        let sets: Vec<_> = sets.collect();
        let mut writes = stream::iter(sets)
            .map(async |((shard, bucket), marks)| {
                let intents = published::encode(marks.iter().map(|(event, place)| (*event, place.attempt)));
                let values = (shard, bucket, Uuid::new_v4(), intents);
                (self.aggregates.cql.write(&self.outbox.put_published, values).await, marks)
            })
            .buffer_unordered(WRITES_MAX);
        let mut failed = None;
        while let Some((written, marks)) = writes.next().await {
            let Err(error) = written else { continue };
            // Whoever is told to mark them again finds them.
            let mut places = self.places();
            marks.into_iter().for_each(|(event, place)| places.remember(event, place));
            failed = Some(error);
        }
        // On the bus and marked: nobody looks at them again.
        fail_point!("commit.after-mark");
        failed.map_or(Ok(()), Err)
    }
}
