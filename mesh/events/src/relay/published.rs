//! What this process has published and may meet again.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use crate::OutboxKey;

/// The most keys that are remembered: 16 times what the fast path holds by default.
const KEYS_MAX: usize = 65_536;
/// How long after the last sweep that found something a late hand-over is still expected.
const FORGET_AFTER: Duration = Duration::from_secs(60);

/// Keys that were published and may still come by another way: swept, while the same event was being handed
/// over; or published, while marking failed. Bounded; the oldest are forgotten first, and forgetting costs a
/// duplicate, never a loss.
#[derive(Debug, Default)]
pub(super) struct Published {
    keys: HashSet<OutboxKey>,
    order: VecDeque<OutboxKey>,
    last: Option<Instant>,
}

// === impl Published ===

impl Published {
    pub(super) fn contains(&self, key: &OutboxKey) -> bool {
        self.keys.contains(key)
    }

    pub(super) fn remember(&mut self, key: OutboxKey) {
        self.last = Some(Instant::now());
        if !self.keys.insert(key) {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > KEYS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }

    /// Gives the memory back once no hand-over can be that late.
    pub(super) fn forget_old(&mut self) {
        if self.last.is_some_and(|last| last.elapsed() > FORGET_AFTER) {
            *self = Self::default();
        }
    }
}
