//! A second look at buckets that were closed. It must find nothing; it is there because that is a claim about clocks.

use std::sync::atomic::Ordering;

use super::{find::Slot, sweep::Sweeper};
use crate::{
    clock::UnixMillis,
    cql::{
        CqlError,
        commit::{commits::Inner, place::bucket_at},
    },
};

/// Buckets of each shard in one step; a day is done in some eighteen minutes of a sweep a second.
const STEP: i32 = 8;

/// Where the look back stands.
#[derive(Debug, Default)]
pub(super) struct LookBack {
    /// When the next one begins.
    next: Option<UnixMillis>,
    /// The bucket at which the present one goes on.
    at: Option<i32>,
}

impl Sweeper {
    /// The next step of the look back, if one is due.
    pub(super) async fn look_back_some(&mut self, inner: &Inner, now: UnixMillis) {
        let every = inner.config.look_back_every;
        let at = match (self.look_back.at, self.look_back.next) {
            (Some(at), _) => at,
            (None, Some(next)) if next <= now => {
                let back = u64::try_from(inner.config.look_back.as_millis()).unwrap_or(u64::MAX);
                self.look_back.next = Some(now.after(every));
                bucket_at(UnixMillis(now.0.saturating_sub(back)))
            }
            (None, Some(next)) if next <= now.after(every) => return,
            // It never was, or the clock was set back.
            (None, _) => {
                self.look_back.next = Some(now.after(every));
                return;
            }
        };
        self.look_back.at = Some(at);
        match self.look_back_at(inner, at..at.saturating_add(STEP)).await {
            Ok(()) => {
                let next = at.saturating_add(STEP);
                self.look_back.at = (next <= bucket_at(now)).then_some(next);
            }
            Err(error) => {
                tracing::warn!(error = %mesh_telemetry::chain(&error), "the look back at closed buckets has to wait");
            }
        }
    }

    async fn look_back_at(&mut self, inner: &Inner, buckets: std::ops::Range<i32>) -> Result<(), CqlError> {
        let slots: Vec<Slot> = buckets
            .flat_map(|bucket| self.held.iter().map(move |(number, shard)| (bucket, *number, shard)))
            .filter(|(bucket, _, shard)| shard.is_closed(*bucket))
            .map(|(bucket, number, _)| (bucket, number))
            .collect();
        let filled: Vec<Slot> = inner.filled(&slots).await?.into_iter().collect();
        for ((bucket, number), found) in inner.look_into(&filled).await? {
            let Some(first) = found.unmarked.first() else { continue };
            tracing::error!(
                shard = number, bucket, intents = found.unmarked.len(), event.id = %first.key.id,
                "intents came into a bucket after it was closed: is a clock wrong? they are settled now"
            );
            inner.overlooked.fetch_add(found.unmarked.len() as u64, Ordering::Relaxed);
            if let Some(shard) = self.held.get_mut(&number) {
                shard.reopen(bucket);
            }
        }
        Ok(())
    }
}
