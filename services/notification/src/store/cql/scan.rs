//! Pointers in the order in which they are due, out of all shards.

use std::collections::VecDeque;

use futures_util::future::try_join_all;
use service_kit::{clock::UnixMillis, cql::CqlError};

use super::{
    CqlStore,
    due::Pointer,
    row::{at, bytes, id, millis},
};

/// Pointers of one shard that are read at once.
const PAGE: i32 = 32;

/// A walk over the queue, those due longest first.
#[derive(Debug)]
pub(super) struct Scan {
    shards: Vec<Shard>,
    until: UnixMillis,
}

/// A shard as far as it was read.
#[derive(Debug)]
struct Shard {
    shard: i16,
    from: UnixMillis,
    read: VecDeque<Pointer>,
    last: Option<Pointer>,
    is_read_out: bool,
    /// When its first pointer is due, once that is known.
    first: Option<UnixMillis>,
}

impl Scan {
    /// A walk over these shards, each from a time on, to `until`.
    pub(super) fn new(shards: impl IntoIterator<Item = (i16, UnixMillis)>, until: UnixMillis) -> Self {
        let (read, last, is_read_out, first) = (VecDeque::new(), None, false, None);
        let shards = shards.into_iter().map(|(shard, from)| Shard {
            shard,
            from,
            read: read.clone(),
            last,
            is_read_out,
            first,
        });
        Self { shards: shards.collect(), until }
    }

    /// Reads on where there is nothing left to compare.
    async fn refill(&mut self, store: &CqlStore) -> Result<(), CqlError> {
        let until = self.until;
        let dry = self.shards.iter_mut().filter(|shard| shard.read.is_empty() && !shard.is_read_out);
        try_join_all(dry.map(|shard| shard.read_on(store, until))).await.map(drop)
    }

    /// The next pointer.
    pub(super) async fn next(&mut self, store: &CqlStore) -> Result<Option<Pointer>, CqlError> {
        self.refill(store).await?;
        let nearest = self.shards.iter_mut().filter(|shard| !shard.read.is_empty());
        let nearest = nearest.min_by_key(|shard| shard.read.front().copied());
        Ok(nearest.and_then(|shard| shard.read.pop_front()))
    }

    /// When the first pointer of each shard is due; of those that were not read, nothing.
    pub(super) fn firsts(&self) -> impl Iterator<Item = (i16, UnixMillis)> {
        let read = self.shards.iter().filter(|shard| shard.last.is_some() || shard.is_read_out);
        read.map(|shard| (shard.shard, shard.first.unwrap_or(UnixMillis(u64::MAX))))
    }
}

impl Shard {
    async fn read_on(&mut self, store: &CqlStore, until: UnixMillis) -> Result<(), CqlError> {
        let rows = match self.last {
            None => {
                let values = (self.shard, millis(self.from), millis(until), PAGE);
                store.cql.rows(&store.statements.due_first, values).await?
            }
            Some(Pointer { due, id, version }) => {
                let values = (self.shard, millis(due), bytes(id), version, millis(until), PAGE);
                store.cql.rows(&store.statements.due_rest, values).await?
            }
        };
        let page = rows.rows::<(i64, Vec<u8>, i64)>().map_err(CqlError::unexpected)?;
        for pointer in page {
            let (due, bytes, version) = pointer.map_err(CqlError::unexpected)?;
            self.read.push_back(Pointer { due: at(due), id: id(&bytes)?, version });
        }
        self.is_read_out = self.read.len() < usize::try_from(PAGE).unwrap_or_default();
        if self.last.is_none() {
            self.first = self.read.front().map(|pointer| pointer.due);
        }
        self.last = self.read.back().copied().or(self.last);
        Ok(())
    }
}
