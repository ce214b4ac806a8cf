//! The sweeper: one page of what is left to publish.

use std::{collections::BTreeMap, sync::atomic::Ordering, time::Duration};

use futures_util::{StreamExt as _, stream};
use mesh_events::{Envelope, OutboxKey};

use super::{
    find::{READS_MAX, Slot},
    lookback::LookBack,
    shard::{Found, SKEW, Shard},
    window::{Candidate, Window},
};
use crate::{
    clock::UnixMillis,
    cql::{
        CqlError,
        commit::{
            commits::Inner,
            place::{bucket_at, bucket_end, bucket_start},
        },
    },
};

/// How far an event's own time may be from its intent's bucket for pages to be in order. More is in order in the
/// next pass.
const DRIFT: Duration = Duration::from_secs(30);
/// Buckets that are asked about before any of them is looked into.
const ASKED: usize = 512;
/// Intents that are settled at once.
const SETTLED_MAX: usize = 64;

/// What this instance sweeps, and how far it is.
#[derive(Debug, Default)]
pub(in crate::cql::commit) struct Sweeper {
    /// The shards whose leases are held.
    pub(super) held: BTreeMap<i16, Shard>,
    /// When the leases are to be renewed.
    pub(super) renew_at: UnixMillis,
    pub(super) look_back: LookBack,
    window: Option<Window>,
    is_alarmed: bool,
}

/// What the relay asks for.
#[derive(Clone, Copy, Debug)]
struct Ask {
    now: UnixMillis,
    /// Whether the age does not matter.
    all: bool,
    until_ms: u64,
    limit: usize,
}

impl Sweeper {
    pub(super) fn shards(&self) -> Vec<i16> {
        self.held.keys().copied().collect()
    }

    /// They are marked: no page needs them.
    pub(super) fn forget(&mut self, keys: &[OutboxKey]) {
        if let Some(window) = &mut self.window {
            window.forget(keys);
        }
    }

    pub(super) async fn pending(
        &mut self,
        inner: &Inner,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<Envelope>, CqlError> {
        // Before anything is read: a bucket closes by when the look at it began.
        let now = inner.clock.now();
        self.hold_leases(inner, now).await?;
        if after.is_none() {
            self.look_back_some(inner, now).await;
        }
        let until_ms = match u64::try_from(older_than.as_millis()) {
            // Asked for everything, an event from a clock that was ahead counts too.
            Ok(0) => u64::MAX,
            age => now.0.saturating_sub(age.unwrap_or(u64::MAX)),
        };
        let ask = Ask { now, all: older_than.is_zero(), until_ms, limit };
        let page = self.page(inner, ask, after).await?;
        if after.is_none() {
            self.note_lag(inner, page.first());
        }
        Ok(page)
    }

    async fn page(
        &mut self,
        inner: &Inner,
        ask: Ask,
        mut after: Option<OutboxKey>,
    ) -> Result<Vec<Envelope>, CqlError> {
        let mut page = Vec::new();
        let mut failed = None;
        loop {
            let mut window = match self.window.take() {
                Some(window) if window.serves(after) => window,
                _ => self.gather(inner, ask, after).await?,
            };
            while page.len() < ask.limit {
                let candidates = window.take(SETTLED_MAX.min(ask.limit - page.len()));
                let Some(last) = candidates.last() else { break };
                after = Some(last.key);
                for settled in settle(inner, candidates, ask.now).await {
                    match settled {
                        Ok(envelope) => page.extend(envelope),
                        Err(error) => failed = Some(error),
                    }
                }
            }
            let is_last = window.is_whole();
            if page.len() >= ask.limit {
                self.window = Some(window);
                break;
            }
            if is_last {
                break;
            }
        }
        match failed {
            Some(error) if page.is_empty() => Err(error),
            // One aggregate whose replicas do not answer must not hold up the others.
            Some(error) => {
                tracing::warn!(error = %mesh_telemetry::chain(&error), "an intent could not be settled yet");
                Ok(page)
            }
            None => Ok(page),
        }
    }

    /// Looks through the open buckets for the first candidates behind `after`.
    async fn gather(
        &mut self,
        inner: &Inner,
        ask: Ask,
        after: Option<OutboxKey>,
    ) -> Result<Window, CqlError> {
        let mut window = Window::new(after, ask.until_ms);
        let slots = self.due(ask, after);
        for asked in slots.chunks(ASKED) {
            let filled = inner.filled(asked).await?;
            for slot in asked.iter().filter(|slot| !filled.contains(*slot)) {
                self.found(inner, *slot, ask.now, Found::default());
            }
            let filled: Vec<Slot> = filled.into_iter().collect();
            for some in filled.chunks(READS_MAX) {
                let from = some.first().map_or(0, |(bucket, _)| bucket_start(*bucket).0);
                if window.is_full_before(from.saturating_sub(millis(DRIFT))) {
                    window.is_cut();
                    return Ok(window);
                }
                for (slot, bucket) in inner.look_into(some).await? {
                    let ripe = bucket.unmarked.iter().filter(|c| c.key.occur_time_ms <= ask.until_ms);
                    let (ripe, unmarked, rows) = (ripe.count(), bucket.unmarked.len(), bucket.rows);
                    self.found(inner, slot, ask.now, Found { rows, unmarked, ripe });
                    for candidate in bucket.unmarked {
                        if window.wants(&candidate.key) {
                            window.add(candidate);
                        }
                    }
                }
            }
        }
        Ok(window)
    }

    /// The buckets to look at, oldest first.
    fn due(&mut self, ask: Ask, after: Option<OutboxKey>) -> Vec<Slot> {
        let newest = bucket_at(ask.now.after(SKEW));
        let mut slots = Vec::new();
        for (number, shard) in &mut self.held {
            shard.open_until(newest);
            slots.extend(shard.due(ask.now, ask.all).map(|bucket| (bucket, *number)));
        }
        if let Some(after) = after {
            slots.retain(|(bucket, _)| bucket_end(*bucket).after(DRIFT).0 >= after.occur_time_ms);
        }
        slots.sort_unstable();
        slots
    }

    fn found(&mut self, inner: &Inner, (bucket, shard): Slot, now: UnixMillis, found: Found) {
        if let Some(shard) = self.held.get_mut(&shard) {
            shard.found(bucket, now, found, inner.config.commit_within);
        }
    }

    /// The first page of a pass begins with the oldest event.
    fn note_lag(&mut self, inner: &Inner, oldest: Option<&Envelope>) {
        let oldest_ms = oldest.map_or(u64::MAX, |envelope| envelope.occur_time_ms);
        inner.oldest_ms.store(oldest_ms, Ordering::Relaxed);
        let lag = inner.lag();
        let is_behind = lag > inner.config.lag_alarm;
        if is_behind && !self.is_alarmed {
            tracing::error!(
                lag_s = lag.as_secs(),
                "events are not published for too long; they expire after 7 days"
            );
        } else if !is_behind && self.is_alarmed {
            tracing::info!("events are published in time again");
        }
        self.is_alarmed = is_behind;
    }
}

async fn settle(
    inner: &Inner,
    candidates: Vec<Candidate>,
    now: UnixMillis,
) -> Vec<Result<Option<Envelope>, CqlError>> {
    let settled = stream::iter(candidates).map(async |candidate| inner.settle(&candidate, now).await);
    settled.buffered(READS_MAX * 2).collect().await
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
