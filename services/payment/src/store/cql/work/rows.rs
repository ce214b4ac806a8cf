//! The rows of work, merged from all places in which they may be filed.

use std::collections::{BTreeMap, HashSet};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::item::{Kind, Place, SHARDS, Work};
use crate::{
    domain::BookId,
    store::{
        StoreError,
        cql::{Shared, book::cql_limit, keys::book_id},
    },
};

/// Partitions read at once.
const READING: usize = 32;

/// Work that is filed somewhere; in several places for a moment while it is filed again.
pub(super) struct Row {
    pub(super) work: Work,
    pub(super) book: BookId,
    pub(super) places: Vec<Place>,
}

/// Rows in order, and what was read to find them.
pub(super) struct Rows {
    pub(super) rows: Vec<Row>,
    /// Whether there may be more.
    pub(super) is_cut: bool,
    /// Slices in which something was found.
    pub(super) used: HashSet<i64>,
}

impl Shared {
    /// The first `limit` rows above the key `after` up to the key `last` in these slices, in the order of keys.
    pub(super) async fn rows_of_work(
        &self,
        kind: Kind,
        slices: &[i64],
        (after, last): (&[u8], &[u8]),
        limit: usize,
    ) -> Result<Rows, StoreError> {
        let shards = i8::try_from(SHARDS).unwrap_or_default();
        let places: Vec<_> =
            slices.iter().flat_map(|slice| (0..shards).map(|shard| (*slice, shard))).collect();
        let reads = places.into_iter().map(|(slice, shard)| async move {
            let values = (kind.code(), slice, shard, after, last, cql_limit(limit));
            let rows: Vec<(Vec<u8>, String)> = self.read(&self.statements.work, values).await?;
            Ok::<_, StoreError>((slice, shard, rows))
        });
        let mut read = stream::iter(reads).buffer_unordered(READING);
        let (mut merged, mut used) = (BTreeMap::<(Vec<u8>, String), Row>::new(), HashSet::new());
        while let Some((slice, shard, rows)) = read.try_next().await? {
            for (sort, key) in rows {
                used.insert(slice);
                let (work, book) = (Work::read(kind, &sort)?, book_id(&key)?);
                let place = Place { kind: kind.code(), slice, shard, sort: sort.clone(), book };
                let row = merged.entry((sort, key)).or_insert_with(|| Row { work, book, places: Vec::new() });
                row.places.push(place);
            }
        }
        // A partition that had more has given `limit` of its own, so what it has beyond is not among the first.
        let is_cut = merged.len() >= limit;
        let mut rows = merged.into_values().peekable();
        let mut first: Vec<_> = rows.by_ref().take(limit).collect();
        // The next read begins above the last key; two books that want one id share it.
        while let Some(tie) = rows.next_if(|row| first.last().is_some_and(|last| last.work == row.work)) {
            first.push(tie);
        }
        Ok(Rows { rows: first, is_cut, used })
    }
}
