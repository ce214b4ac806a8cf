//! The outbox on CQL: what is left to publish is what has an intent, was committed, and has no mark.

mod find;
mod lease;
mod lookback;
mod mark;
mod published;
mod settle;
mod shard;
mod sweep;
mod window;

pub(super) use self::{lease::add_shards, sweep::Sweeper};

use std::{fmt, sync::Arc, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use mesh_events::{Envelope, Outbox, OutboxError, OutboxKey};

use super::commits::Inner;
use crate::cql::CqlError;

/// The outbox of [`Commits`](super::Commits), with the sweeper that settles what creators left behind. Clones share it.
///
/// [`Outbox::pending`] drives everything: it holds this instance's share of the shards' leases, looks through their
/// open buckets, settles each intent without a mark, and gives those that were committed. Events of shards that
/// another instance sweeps are pending there.
#[derive(Clone)]
pub struct CqlOutbox {
    inner: Arc<Inner>,
}

impl CqlOutbox {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// How old the oldest event is that is committed and not published, as far as this instance knows.
    #[must_use]
    pub fn lag(&self) -> Duration {
        self.inner.lag()
    }

    /// The shards that this instance sweeps at present.
    pub async fn shards(&self) -> Vec<i16> {
        self.inner.sweeper.lock().await.shards()
    }

    /// How many intents without a mark a look back has found in buckets that had been closed. Anything but zero is a
    /// bug, or a clock that was set back by more than the protocol allows for.
    #[must_use]
    pub fn overlooked(&self) -> u64 {
        self.inner.overlooked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Outbox for CqlOutbox {
    async fn pending(
        &self,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<Envelope>, OutboxError> {
        let mut sweeper = self.inner.sweeper.lock().await;
        sweeper.pending(&self.inner, older_than, after, limit).await.map_err(unavailable)
    }

    async fn mark_published(&self, keys: &[OutboxKey]) -> Result<(), OutboxError> {
        self.inner.mark_published(keys).await.map_err(unavailable)?;
        self.inner.sweeper.lock().await.forget(keys);
        Ok(())
    }
}

fn unavailable(error: CqlError) -> OutboxError {
    OutboxError(error.into())
}

impl fmt::Debug for CqlOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CqlOutbox").field("lag", &self.lag()).finish_non_exhaustive()
    }
}
