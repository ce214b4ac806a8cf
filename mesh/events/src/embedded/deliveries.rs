//! One subscription of an embedded queue.

use std::{collections::VecDeque, fmt, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::{OwnedMutexGuard, watch};

use super::{
    Transactor,
    bus::Inner,
    fetch::{Fetched, fetch},
    queue::Queue,
};
use crate::{BusError, Deliveries, Delivery};

/// How long a subscription trusts that it would be told of news. Only a wall clock that jumped, while an event
/// waits for its time, needs this.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Fetching = Pin<Box<dyn Future<Output = Result<Fetched, BusError>> + Send>>;

/// One subscription. It reads ahead a prefetch of events at a time, and lets out a prefetch of them.
pub(super) struct EmbeddedDeliveries<T: Transactor> {
    bus: Arc<Inner<T>>,
    queue: Arc<Queue>,
    subscription: u64,
    prefetch: usize,
    /// Read ahead and claimed.
    ahead: VecDeque<Delivery>,
    /// A read under way. It outlives a `next` that was given up.
    fetching: Option<Fetching>,
    changes: watch::Receiver<()>,
}

// === impl EmbeddedDeliveries ===

impl<T: Transactor> EmbeddedDeliveries<T> {
    pub(super) fn new(bus: Arc<Inner<T>>, queue: Arc<Queue>, subscription: u64, prefetch: usize) -> Self {
        let changes = queue.changes();
        Self { bus, queue, subscription, prefetch, ahead: VecDeque::new(), fetching: None, changes }
    }

    /// Reads ahead. Giving up the wait leaves the read under way.
    async fn fetch(&mut self) -> Result<(), BusError> {
        let fetching = self.fetching.get_or_insert_with(|| {
            let (bus, queue) = (Arc::clone(&self.bus), Arc::clone(&self.queue));
            Box::pin(fetch(bus, queue, self.subscription, self.prefetch))
        });
        let fetched = fetching.await;
        self.fetching = None;
        let Fetched { deliveries, unreadable, reading } = fetched?;
        let mut leases = self.queue.leases();
        for delivery in &deliveries {
            leases.claim(self.subscription, delivery.receipt.tag);
        }
        unreadable.into_iter().for_each(|sequence| leases.skip(sequence));
        self.ahead.extend(deliveries);
        drop::<Option<OwnedMutexGuard<()>>>(reading);
        Ok(())
    }

    /// Hands out one event of those read ahead, unless the prefetch is used up.
    fn hand_out(&mut self) -> Option<Delivery> {
        if self.ahead.is_empty() || !self.queue.leases().let_out(self.subscription, self.prefetch) {
            return None;
        }
        self.ahead.pop_front()
    }

    /// Waits for a change, for the time of the next waiting event, or for a while.
    async fn wait(&mut self) {
        // With events read ahead, what waits is room, and due events have to wait for it too.
        let until_due = if self.ahead.is_empty() {
            Duration::from_millis(self.queue.due_ms().saturating_sub(self.bus.now_ms()))
        } else {
            LOOK_EVERY
        };
        let look = tokio::time::sleep(until_due.clamp(Duration::from_millis(1), LOOK_EVERY));
        tokio::select! {
            _ = self.changes.changed() => {}
            () = look => {}
            () = self.bus.closed.cancelled() => {}
        }
    }
}

#[async_trait]
impl<T: Transactor> Deliveries for EmbeddedDeliveries<T> {
    async fn next(&mut self) -> Option<Result<Delivery, BusError>> {
        loop {
            if self.bus.closed.is_cancelled() {
                return None;
            }
            // Before the look, so that a change after it wakes the wait below.
            self.changes.borrow_and_update();
            if let Some(delivery) = self.hand_out() {
                return Some(Ok(delivery));
            }
            if self.ahead.is_empty() {
                if let Err(error) = self.fetch().await {
                    return Some(Err(error));
                }
                if !self.ahead.is_empty() {
                    continue;
                }
            }
            self.wait().await;
        }
    }
}

impl<T: Transactor> Drop for EmbeddedDeliveries<T> {
    fn drop(&mut self) {
        // First the read under way, whose guard keeps others from reading the same events.
        self.fetching = None;
        self.queue.leases().end(self.subscription);
        self.queue.wake();
    }
}

impl<T: Transactor> fmt::Debug for EmbeddedDeliveries<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedDeliveries").field("queue", &self.queue.name).finish_non_exhaustive()
    }
}
