//! The relay's loop: batches of the fast path, and pages of the sweep in between.
//!
//! One batch is published at a time, so that the order stays. What else takes time happens meanwhile: the last batch is
//! marked, the next page is looked for. So the same event can come twice, and whatever may do so is remembered: see
//! [`Published`].

use std::{
    fmt,
    pin::pin,
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

use super::{
    Publisher, RelayConfig,
    look::Look,
    marks::{Marked, Marks},
    published::Published,
};
use crate::{Bus, Envelope, Outbox, OutboxError, OutboxKey, Outcome};

/// When so many batches wait for their marks, they wait no longer.
const MARKS_MANY: usize = 4;

/// Publishes the outbox's events. One relay serves one outbox; it never publishes an event twice in its life
/// while the bus and the outbox answer, although the same event may come by the fast path and by the sweep.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    bus: Arc<dyn Bus>,
    config: RelayConfig,
    offered: mpsc::Receiver<Envelope>,
    published: Published,
    marks: Marks,
    sweep: Sweep,
    look: Look,
    is_overflown: Arc<AtomicBool>,
    is_failing: bool,
}

/// Where the sweep stands.
#[derive(Debug)]
struct Sweep {
    after: Option<OutboxKey>,
    age: Duration,
}

// === impl Relay ===

impl Relay {
    /// Makes a relay and the handle that feeds its fast path.
    pub fn new(outbox: Arc<dyn Outbox>, bus: Arc<dyn Bus>, config: RelayConfig) -> (Publisher, Self) {
        let (sender, offered) = mpsc::channel(config.offered_max.get());
        let is_overflown = Arc::new(AtomicBool::new(false));
        // Where publishing would wait for marks, these do not wait to gather.
        let many = (MARKS_MANY * config.batch_max.get()).min(config.offered_max.get());
        let relay = Self {
            marks: Marks::new(Arc::clone(&outbox), config.mark_every, many),
            outbox,
            bus,
            config,
            offered,
            published: Published::default(),
            sweep: Sweep { after: None, age: Duration::ZERO },
            look: Look::default(),
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
                _ = ticks.tick(), if self.look.is_idle() => self.look(self.sweep.after),
                page = self.look.page() => if let Some(page) = page { self.sweep_page(page).await },
                marked = self.marks.next() => self.marked(marked),
                _ = self.offered.recv_many(&mut batch, self.config.batch_max.get()),
                    if !self.offered.is_closed() => {}
            }
            if batch.is_empty() && !self.offered.is_empty() {
                self.offered.recv_many(&mut batch, self.config.batch_max.get()).await;
            }
            self.publish_offered(&mut batch).await;
            if self.look.is_idle()
                && self.offered.is_empty()
                && self.is_overflown.swap(false, Ordering::AcqRel)
            {
                self.catch_up();
            }
        }
        self.marks.hurry();
        self.offered.close();
        while self.offered.recv_many(&mut batch, self.config.batch_max.get()).await > 0 {
            self.publish_offered(&mut batch).await;
        }
        while !self.marks.is_idle() {
            let marked = self.marks.next().await;
            self.marked(marked);
        }
        if !self.look.is_idle() {
            // To its end, whatever it finds.
            drop(self.look.page().await);
        }
    }

    async fn publish_offered(&mut self, batch: &mut Vec<Envelope>) {
        batch.retain(|envelope| !self.published.contains(&envelope.outbox_key()));
        if !batch.is_empty() {
            let published = self.publish(batch).await;
            // The page that is being looked for may have them, too.
            if !self.look.is_idle() {
                published.into_iter().flatten().for_each(|key| self.published.remember(key));
            }
            batch.clear();
        }
    }

    /// Sweeps at once what the fast path had no room for. Of any age: an event that is being handed over at this
    /// moment is remembered, whichever way it comes first.
    fn catch_up(&mut self) {
        self.sweep = Sweep { after: None, age: Duration::ZERO };
        self.look(None);
    }

    /// Begins to look for a page of leftovers.
    fn look(&mut self, after: Option<OutboxKey>) {
        // They are on the bus, and the page may find them without their marks.
        self.marks.unsettled().for_each(|key| self.published.remember(key));
        self.look.begin(&self.outbox, self.sweep.age, after, self.config.batch_max.get());
    }

    /// Publishes one page of leftovers and decides where and when the next one begins.
    async fn sweep_page(&mut self, page: Result<Vec<Envelope>, OutboxError>) {
        let page = match page {
            Ok(page) => page,
            Err(error) => return self.failed(&error),
        };
        let is_last = page.len() < self.config.batch_max.get();
        let last = page.last().map(Envelope::outbox_key);
        let (known, fresh): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|envelope| self.published.contains(&envelope.outbox_key()));
        // Published before, but the mark was lost, or is on its way.
        let mut done = known.iter().map(Envelope::outbox_key).collect::<Vec<_>>();
        self.mark(done.clone()).await;
        if !is_last {
            // The next page is looked for while this one is published.
            self.look(last);
        }
        if !fresh.is_empty() {
            let Some(published) = self.publish(&fresh).await else { return self.look.give_up() };
            for key in &published {
                self.published.remember(*key);
            }
            done.extend(published);
        }
        if is_last {
            // Events that are older than the last one seen may still come: of a full queue, or of a change that was
            // slow to commit. The next tick begins at the oldest again.
            let after = if never_looks_back() { last.or(self.sweep.after) } else { None };
            self.sweep = Sweep { after, age: self.config.sweep_age };
            if done.is_empty() {
                self.published.forget_old();
            }
        } else {
            self.sweep.after = last;
            if done.is_empty() {
                // Nothing moved: a queue is full, and hurrying through the rest of the outbox would not help it.
                self.look.give_up();
            }
        }
    }

    /// Publishes a batch and has marked what the bus took; gives the keys of those. `None`: the bus failed, and the
    /// batch stays in the outbox.
    async fn publish(&mut self, batch: &[Envelope]) -> Option<Vec<OutboxKey>> {
        // Durable in the outbox and on no queue: only a sweep knows of it.
        fail_point!("relay.before-publish");
        let bus = Arc::clone(&self.bus);
        let mut publishing = pin!(bus.publish(batch));
        let outcomes = loop {
            tokio::select! {
                biased;
                outcomes = &mut publishing => break outcomes,
                marked = self.marks.next() => self.marked(marked),
            }
        };
        let outcomes = match outcomes {
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
        self.mark(unmarked).await;
        Some(done)
    }

    /// Has events marked that are on the bus. Waits only when so many wait already that marking is what is slow.
    async fn mark(&mut self, keys: Vec<OutboxKey>) {
        self.marks.add(keys);
        while self.marks.waiting() >= self.config.offered_max.get() {
            let marked = self.marks.next().await;
            self.marked(marked);
        }
    }

    fn marked(&mut self, marked: Marked) {
        if let Marked::Failed(keys, error) = marked {
            // They are on the bus: the next sweep finds them and must only mark them.
            keys.into_iter().for_each(|key| self.published.remember(key));
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
