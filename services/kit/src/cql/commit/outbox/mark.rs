//! Marks: what became of an intent.

use std::collections::HashMap;

use fail::fail_point;
use futures_util::{StreamExt as _, stream};
use mesh_events::OutboxKey;
use scylla::value::CqlValue;
use uuid::Uuid;

use crate::cql::{
    Bound, CqlError, Purpose,
    commit::{Intended, commits::Inner, place::Place},
};

/// Marks in one write: well below the size at which a cluster complains of a batch.
const BATCH_MAX: usize = 64;
/// Writes at once.
const WRITES_MAX: usize = 16;

/// What became of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Published = 1,
    /// It was not committed and never will be.
    Aborted = 2,
}

impl Inner {
    /// Marks an intent whose commit was refused or never sent. Best effort: the sweeper finds out by itself.
    pub(in crate::cql::commit) async fn abort(&self, intended: &Intended) {
        let (Some(event), Some((place, _))) = (&intended.event, &intended.intent) else { return };
        let values = (place.shard, place.bucket, event.id, place.attempt, Mark::Aborted as i8);
        if let Err(error) = self.aggregates.cql.write(&self.outbox.put_mark_maybe, values).await {
            tracing::debug!(event.id = %event.id, error = %mesh_telemetry::chain(&error), "intent is left to the sweeper");
        }
    }

    /// Marks an intent for good.
    pub(super) async fn mark(&self, event: Uuid, place: Place, mark: Mark) -> Result<(), CqlError> {
        let values = (place.shard, place.bucket, event, place.attempt, mark as i8);
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
        let batches: Vec<_> =
            by_bucket.values().flat_map(|marks| marks.chunks(BATCH_MAX)).map(<[_]>::to_vec).collect();
        let mut writes = stream::iter(batches)
            .map(async |marks| {
                let bound: Vec<_> =
                    marks.iter().map(|(event, place)| self.published(*event, place)).collect();
                (self.aggregates.cql.write_batch(Purpose::Write, &bound).await, marks)
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

    fn published(&self, event: Uuid, place: &Place) -> Bound {
        let values = [
            CqlValue::SmallInt(place.shard),
            CqlValue::Int(place.bucket),
            CqlValue::Uuid(event),
            CqlValue::Uuid(place.attempt),
            CqlValue::TinyInt(Mark::Published as i8),
        ];
        self.outbox.put_mark.bind(values.into_iter().map(Some).collect())
    }
}
