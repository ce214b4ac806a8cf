//! The index of users, for lists: 16 partitions in the order of ids, merged while they are read.

use std::collections::VecDeque;

use futures_util::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use scylla::value::CqlValue;
use service_kit::cql::{Bound, CqlError};
use uuid::Uuid;

use super::CqlStore;
use crate::{
    domain::{User, UserId},
    store::{Consistency, StoreError},
};

/// Partitions of the index: enough to spread the load, few enough to ask all of them for every page.
const SHARDS: i16 = 16;

/// Users read at once to see whether they are (still) there.
const AT_ONCE: usize = 32;

/// The bounds of the rows read from a shard at once; in between, twice its share of the page.
const CHUNK: (usize, usize) = (8, 256);

/// One partition of the index, as far as it was read.
struct Shard {
    number: i16,
    /// The last id read of it.
    last: Option<Uuid>,
    ids: VecDeque<Uuid>,
    is_done: bool,
}

impl CqlStore {
    /// The row that makes lists look at this user.
    pub(super) fn index_row(&self, user: UserId) -> Bound {
        let id = user.0.as_bytes().to_vec();
        self.statements.index.bind(vec![Some(CqlValue::SmallInt(shard_of(user.0))), Some(CqlValue::Blob(id))])
    }

    /// Up to `limit` users after `after`.
    pub(super) async fn list(
        &self,
        after: Option<UserId>,
        limit: usize,
        consistency: Consistency,
    ) -> Result<Vec<User>, StoreError> {
        let shares = usize::try_from(SHARDS).unwrap_or(1);
        let chunk = (2 * limit / shares).clamp(CHUNK.0, CHUNK.1);
        let shard =
            |number| Shard { number, last: after.map(|id| id.0), ids: VecDeque::new(), is_done: false };
        let mut shards: Vec<_> = (0..SHARDS).map(shard).collect();
        let mut users = Vec::with_capacity(limit);
        while users.len() < limit {
            let ids = self.next_ids(&mut shards, limit - users.len(), chunk, consistency).await?;
            if ids.is_empty() {
                break;
            }
            let reads = ids.into_iter().map(|id| self.find(UserId(id), consistency)).collect::<Vec<_>>();
            let found: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
            // Who is gone, or never came to be, is passed over.
            users.extend(found.into_iter().flatten());
        }
        Ok(users)
    }

    /// The next ids of all shards together, at most `count` and only none at the end.
    async fn next_ids(
        &self,
        shards: &mut [Shard],
        count: usize,
        chunk: usize,
        consistency: Consistency,
    ) -> Result<Vec<Uuid>, CqlError> {
        let mut ids = Vec::with_capacity(count);
        while ids.len() < count {
            // The least id can only be told when something is known of every shard.
            let hungry = shards.iter_mut().filter(|shard| shard.ids.is_empty() && !shard.is_done);
            try_join_all(hungry.map(|shard| self.read_on(shard, chunk, consistency))).await?;
            let least =
                shards.iter_mut().filter(|shard| !shard.ids.is_empty()).min_by_key(|shard| shard.ids[0]);
            let Some(id) = least.and_then(|shard| shard.ids.pop_front()) else { break };
            ids.push(id);
        }
        Ok(ids)
    }

    async fn read_on(
        &self,
        shard: &mut Shard,
        chunk: usize,
        consistency: Consistency,
    ) -> Result<(), CqlError> {
        let limit = i32::try_from(chunk).unwrap_or(i32::MAX);
        // Nothing sorts before the empty blob.
        let after = shard.last.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
        let values = (shard.number, after, limit);
        let rows = self.cql.rows(self.statements.list.at(consistency), values).await?;
        for row in rows.rows::<(&[u8],)>().map_err(CqlError::unexpected)? {
            let (id,) = row.map_err(CqlError::unexpected)?;
            shard.ids.push_back(Uuid::from_slice(id).map_err(CqlError::unexpected)?);
        }
        shard.is_done = shard.ids.len() < chunk;
        shard.last = shard.ids.back().copied().or(shard.last);
        Ok(())
    }
}

/// By the last byte, which is random in every kind of id.
fn shard_of(id: Uuid) -> i16 {
    i16::from(id.as_bytes()[15]) % SHARDS
}
