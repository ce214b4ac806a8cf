//! Clearing away what was found on the way.

use futures_util::{StreamExt as _, stream};
use service_kit::clock::UnixMillis;
use tokio::time::Instant;

use super::{
    FILED_WITHIN, STAYS,
    item::{Kind, Place},
    rows::Row,
    slices::{first_open, minute},
};
use crate::store::{
    StoreError,
    cql::{Shared, keys::book_key},
};

/// Rows cleared away after one read at most: whoever reads waits for it.
const CLEARED_MAX: usize = 64;
/// At once.
const CLEARING: usize = 16;

/// What was found on the way.
#[derive(Default)]
pub(super) struct Heap {
    /// Done: to be dropped.
    stale: Vec<Place>,
    /// Points to nothing, and its minute is over: to be fenced, and dropped.
    early: Vec<Row>,
    /// To be done, and filed long ago: to be filed again.
    old: Vec<Row>,
    /// The first slice to be read from now on.
    pub(super) floor: Option<i64>,
}

impl Heap {
    pub(super) fn stale(&mut self, row: Row) {
        self.stale.extend(row.places);
    }

    pub(super) fn early(&mut self, row: Row, now: UnixMillis) {
        if row.places.iter().all(|place| place.slice < first_open(now)) {
            self.early.push(row);
        }
    }

    pub(super) fn due(&mut self, row: Row, now: UnixMillis) {
        let stays = u64::try_from(STAYS.as_millis()).unwrap_or(u64::MAX);
        let old = minute(UnixMillis(now.0.saturating_sub(stays)));
        if row.work.kind != Kind::GivenUp && row.places.iter().all(|place| place.slice < old) {
            self.old.push(row);
        }
    }
}

impl Shared {
    /// Clears away some of the heap. What fails is found again.
    pub(super) async fn tidy(&self, kind: Kind, heap: Heap) {
        let Heap { stale, early, old, floor } = heap;
        let dropped =
            stale.into_iter().take(CLEARED_MAX).map(|place| async move { self.drop_work(&place).await });
        stream::iter(dropped).buffer_unordered(CLEARING).collect::<()>().await;
        let settled =
            early.into_iter().take(CLEARED_MAX).map(|row| async move { self.drop_early(&row).await });
        let moved = old.into_iter().take(CLEARED_MAX).map(|row| async move { self.file_again(&row).await });
        let (settled, moved): (Vec<_>, Vec<_>) = tokio::join!(
            stream::iter(settled).buffer_unordered(CLEARING).collect(),
            stream::iter(moved).buffer_unordered(CLEARING).collect()
        );
        let floor = async {
            match floor {
                Some(floor) => Ok(self.raise_floor(kind, floor).await?),
                None => Ok(()),
            }
        };
        let outcomes = settled.into_iter().chain(moved).chain([floor.await]);
        for error in outcomes.filter_map(Result::err) {
            tracing::debug!(error = %mesh_telemetry::chain(&error), "work could not be cleared away now");
        }
    }

    /// Drops a row; best effort, since whoever finds it again can tell that it is stale.
    pub(in crate::store::cql) async fn drop_work(&self, place: &Place) {
        let Place { kind, slice, shard, sort, book } = place;
        let values = (kind, slice, shard, sort, book.to_string());
        let dropped = self.cql.write(&self.statements.drop_work, values).await;
        if let Err(error) = dropped {
            tracing::debug!(error = %mesh_telemetry::chain(&error), "done work could not be dropped now");
        }
    }

    /// Drops a row that points to nothing, when nothing can come of it any more.
    async fn drop_early(&self, row: &Row) -> Result<(), StoreError> {
        self.commits.fence(&book_key(row.book)).await?;
        let kept = self.kept_one(row.book, row.work.payment).await?;
        let is_made = kept.is_some_and(|kept| kept.payment.version >= row.work.version);
        // Were it made after all, the next read tells whether it is stale.
        if !is_made {
            for place in &row.places {
                self.drop_work(place).await;
            }
        }
        Ok(())
    }

    /// Files work in the present minute, and then drops it where it was.
    async fn file_again(&self, row: &Row) -> Result<(), StoreError> {
        let (started, now) = (Instant::now(), self.clock.now());
        let filed = self.slices.place(row.work, row.book, now);
        self.open_slice(row.work.kind.code(), filed.slice).await?;
        self.cql.write_bound(&self.put_work(&filed)).await?;
        if started.elapsed() < FILED_WITHIN && self.clock.now() < now.after(FILED_WITHIN) {
            for place in &row.places {
                self.drop_work(place).await;
            }
        }
        Ok(())
    }
}
