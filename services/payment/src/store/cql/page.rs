//! Reading an index that is spread over shards as if it were one.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{book::cql_limit, keys::SHARDS};
use crate::store::StoreError;

/// Partitions read at once.
const READING: usize = 16;

/// A part of an index, in order.
pub(super) struct Page<T> {
    pub(super) rows: Vec<T>,
    /// Whether there may be more.
    pub(super) is_cut: bool,
}

/// The first `limit` of all rows, when `read` gives the first of one shard.
pub(super) async fn merged<T, F>(limit: usize, read: impl Fn(i8, i32) -> F) -> Result<Page<T>, StoreError>
where
    T: Ord,
    F: Future<Output = Result<Vec<T>, StoreError>>,
{
    let shards = (0..SHARDS).filter_map(|shard| i8::try_from(shard).ok());
    let reads = shards.map(|shard| read(shard, cql_limit(limit)));
    let read: Vec<_> = stream::iter(reads).buffer_unordered(READING).try_collect().await?;
    let mut rows: Vec<_> = read.into_iter().flatten().collect();
    rows.sort_unstable();
    let is_cut = rows.len() >= limit;
    rows.truncate(limit);
    Ok(Page { rows, is_cut })
}
