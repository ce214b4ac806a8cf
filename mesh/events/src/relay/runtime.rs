//! The relay's loop: a batch of the fast path, a page of the sweep, in turn.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fail::fail_point;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{Publisher, RelayConfig, published::Published};
use crate::{Bus, Envelope, Outbox, OutboxKey, Outcome};

/// Publishes the outbox's events. One relay serves one outbox; it never publishes an event twice in its life
/// while the bus and the outbox answer, although the same event may come by the fast path and by the sweep.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    bus: Arc<dyn Bus>,
    config: RelayConfig,
    offered: mpsc::Receiver<Envelope>,
    published: Published,
    sweep: Sweep,
    is_overflown: Arc<AtomicBool>,
    is_failing: bool,
}

/// Where the sweep stands.
#[derive(Debug)]
struct Sweep {
    after: Option<OutboxKey>,
    age: Duration,
    /// The last page was full and moved: the next one need not wait for the clock.
    is_behind: bool,
}

// === impl Relay ===

impl Relay {
    /// Makes a relay and the handle that feeds its fast path.
    pub fn new(outbox: Arc<dyn Outbox>, bus: Arc<dyn Bus>, config: RelayConfig) -> (Publisher, Self) {
        let (sender, offered) = mpsc::channel(config.offered_max.get());
        let is_overflown = Arc::new(AtomicBool::new(false));
        let relay = Self {
            outbox,
            bus,
            config,
            offered,
            published: Published::default(),
            sweep: Sweep { after: None, age: Duration::ZERO, is_behind: false },
            is_overflown: Arc::clone(&is_overflown),
            is_failing: false,
        };
        (Publisher { offered: sender, is_overflown }, relay)
    }

    /// Publishes until `shutdown`, then what was offered before it, and returns. What cannot be published stays
    /// in the outbox.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = interval(self.config.sweep_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::with_capacity(self.config.batch_max.get());
        loop {
            // The sweep comes first: it asks once a second, the fast path would always have more.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                _ = ticks.tick() => self.sweep_page().await,
                () = std::future::ready(()), if self.sweep.is_behind => self.sweep_page().await,
                _ = self.offered.recv_many(&mut batch, self.config.batch_max.get()),
                    if !self.offered.is_closed() => {}
            }
            if batch.is_empty() && !self.offered.is_empty() {
                self.offered.recv_many(&mut batch, self.config.batch_max.get()).await;
            }
            self.publish_offered(&mut batch).await;
            if self.offered.is_empty() && self.is_overflown.swap(false, Ordering::AcqRel) {
                self.catch_up();
            }
        }
        self.offered.close();
        while self.offered.recv_many(&mut batch, self.config.batch_max.get()).await > 0 {
            self.publish_offered(&mut batch).await;
        }
    }

    async fn publish_offered(&mut self, batch: &mut Vec<Envelope>) {
        batch.retain(|envelope| !self.published.contains(&envelope.outbox_key()));
        if !batch.is_empty() {
            self.publish(batch).await;
            batch.clear();
        }
    }

    /// Sweeps at once what the fast path had no room for. Of any age: an event that is being handed over at this
    /// moment is remembered when the sweep meets it first, and is in the outbox no more when it comes second.
    fn catch_up(&mut self) {
        self.sweep = Sweep { after: None, age: Duration::ZERO, is_behind: true };
    }

    /// Publishes one page of leftovers and decides where and when the next one begins.
    async fn sweep_page(&mut self) {
        self.sweep.is_behind = false;
        let limit = self.config.batch_max.get();
        let page = match self.outbox.pending(self.sweep.age, self.sweep.after, limit).await {
            Ok(page) => page,
            Err(error) => return self.failed(&error),
        };
        let is_last = page.len() < limit;
        let last = page.last().map(Envelope::outbox_key);
        let (known, fresh): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|envelope| self.published.contains(&envelope.outbox_key()));
        // Published before, but the mark was lost.
        let mut done = known.iter().map(Envelope::outbox_key).collect::<Vec<_>>();
        self.mark(&done).await;
        if !fresh.is_empty() {
            let Some(published) = self.publish(&fresh).await else { return };
            for key in &published {
                self.published.remember(*key);
            }
            done.extend(published);
        }
        if is_last {
            // Events that are older than the last one seen may still come: of a full queue, or of a change that was
            // slow to commit. The next tick begins at the oldest again.
            let after = if never_looks_back() { last.or(self.sweep.after) } else { None };
            self.sweep = Sweep { after, age: self.config.sweep_age, is_behind: false };
            if done.is_empty() {
                self.published.forget_old();
            }
        } else {
            // Nothing moved: a queue is full, and hurrying through the rest of the outbox would not help it.
            self.sweep.after = last;
            self.sweep.is_behind = !done.is_empty();
        }
    }

    /// Publishes a batch and marks what the bus took; gives the keys of those. `None`: the bus failed, and the
    /// batch stays in the outbox.
    async fn publish(&mut self, batch: &[Envelope]) -> Option<Vec<OutboxKey>> {
        // Durable in the outbox and on no queue: only a sweep knows of it.
        fail_point!("relay.before-publish");
        let outcomes = match self.bus.publish(batch).await {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.failed(&error);
                return None;
            }
        };
        if std::mem::take(&mut self.is_failing) {
            tracing::info!("relay reached the event bus again");
        }
        // In the queues, and not yet known to be: the next sweep may publish it once more.
        fail_point!("relay.after-publish");
        let (mut done, mut unmarked) = (Vec::with_capacity(batch.len()), Vec::new());
        for (envelope, published) in batch.iter().zip(&outcomes) {
            if published.outcome == Outcome::QueueFull {
                continue;
            }
            done.push(envelope.outbox_key());
            if !published.is_marked {
                unmarked.push(envelope.outbox_key());
            }
        }
        if done.len() < batch.len() {
            tracing::warn!(refused = batch.len() - done.len(), "a queue is full, events stay in the outbox");
        }
        self.mark(&unmarked).await;
        Some(done)
    }

    async fn mark(&mut self, keys: &[OutboxKey]) {
        if keys.is_empty() {
            return;
        }
        if let Err(error) = self.outbox.mark_published(keys).await {
            // They are on the bus: the next sweep finds them and must only mark them.
            keys.iter().for_each(|key| self.published.remember(*key));
            self.failed(&error);
        }
    }

    /// Says once that the relay is stuck, and not every second.
    fn failed(&mut self, error: &(dyn std::error::Error + 'static)) {
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(error = %mesh_telemetry::chain(error), "relay cannot publish, events stay in the outbox");
        }
    }
}

/// Seeded bug, only with failpoints compiled in: the sweep never looks behind the newest event that it has seen.
fn never_looks_back() -> bool {
    fail_point!("bug.bucket-no-grace", |_| true);
    false
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("config", &self.config).finish_non_exhaustive()
    }
}
