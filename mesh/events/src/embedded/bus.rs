//! The bus in the service's own file: opening, declaring, and the map of queues.

mod declare;
mod open;

use std::{
    collections::HashMap,
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Clock, Transactor,
    announcements::EmbeddedAnnouncements,
    deliveries::EmbeddedDeliveries,
    queue::Queue,
    tables::{IS_CLOSED, STATE},
};
use crate::{
    Announcements, Broadcast, Bus, BusError, Deliveries, Depth, Envelope, EventKind, ParkedEvent, ParkedPage,
    Published, Receipt, Subscription,
};

/// The embedded bus's bounds.
#[derive(Clone, Debug)]
pub struct EmbeddedBusConfig {
    /// Events that one queue may hold, whether ready, waiting or parked. Beyond that publishing to it is
    /// refused. Default 1,000,000.
    pub queue_events_max: u64,
    /// Announcements that a listener may be behind; a slower one has a gap. Default 4096.
    pub announcements_max: NonZeroUsize,
    /// Where due times come from.
    pub clock: Clock,
}

impl Default for EmbeddedBusConfig {
    fn default() -> Self {
        let announcements_max = NonZeroUsize::new(4096).expect("4096 is above zero");
        Self { queue_events_max: 1_000_000, announcements_max, clock: Clock::system() }
    }
}

/// A bus whose queues live in the file of a [`Transactor`]. Clones share one bus; a file has one bus at a time.
///
/// When the outbox lives in the same file, publishing moves an event from there into its queues in one
/// transaction, and no crash can publish it twice. An event that no queue is bound to is counted, and dropped
/// with a debug log: nobody has asked for it.
#[derive(Clone)]
pub struct EmbeddedBus<T> {
    pub(super) inner: Arc<Inner<T>>,
}

pub(super) struct Inner<T> {
    pub(super) transactor: T,
    pub(super) config: EmbeddedBusConfig,
    topology: RwLock<Arc<Topology>>,
    subscriptions: AtomicU64,
    pub(super) unrouted: AtomicU64,
    pub(super) announced: broadcast::Sender<Envelope>,
    pub(super) closed: CancellationToken,
}

/// The queues and what they collect. Replaced as a whole when it changes, so that publishing takes a snapshot.
#[derive(Debug, Default)]
pub(super) struct Topology {
    pub(super) queues: HashMap<Arc<str>, Arc<Queue>>,
    pub(super) bindings: HashMap<EventKind, Vec<Arc<Queue>>>,
}

// === impl EmbeddedBus ===

impl<T: Transactor> EmbeddedBus<T> {
    /// Opens the bus: makes its tables in a new file, else finds its queues and what they hold.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when the file cannot be read or written.
    pub async fn open(transactor: T, config: EmbeddedBusConfig) -> Result<Self, BusError> {
        let topology = transactor.write(open::load).await?;
        Ok(Self {
            inner: Arc::new(Inner {
                transactor,
                announced: broadcast::Sender::new(config.announcements_max.get()),
                config,
                topology: RwLock::new(Arc::new(topology)),
                subscriptions: AtomicU64::new(0),
                unrouted: AtomicU64::new(0),
                closed: CancellationToken::new(),
            }),
        })
    }

    /// Ends every subscription and notes that no event was in processing when the process ended. Call it after
    /// the consumers have drained and before the file is closed.
    ///
    /// # Errors
    /// [`BusError::Unavailable`]; the next run then treats what was out as suspect, and nothing is lost.
    pub async fn close(&self) -> Result<(), BusError> {
        self.inner.closed.cancel();
        let written = self.inner.transactor.write(|txn| {
            txn.open_table(STATE)?.insert(IS_CLOSED, 1)?;
            Ok(())
        });
        Ok(written.await?)
    }

    /// The names of the declared queues, in order.
    pub fn queues(&self) -> Vec<Arc<str>> {
        let mut names: Vec<_> = self.inner.topology().queues.keys().cloned().collect();
        names.sort_unstable();
        names
    }

    /// Whether no queue has anything left to do by itself.
    pub fn is_quiet(&self) -> bool {
        self.inner.topology().queues.values().all(|queue| queue.depth().is_quiet())
    }

    /// Events that were dropped since the bus was opened, because no queue was bound to their kind.
    pub fn unrouted(&self) -> u64 {
        self.inner.unrouted.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl<T: Transactor> Bus for EmbeddedBus<T> {
    async fn declare(&self, subscriptions: &[Subscription]) -> Result<(), BusError> {
        self.inner.declare(subscriptions).await
    }

    async fn publish(&self, batch: &[Envelope]) -> Result<Vec<Published>, BusError> {
        self.inner.publish(batch).await
    }

    async fn subscribe(&self, queue: &str, prefetch: NonZeroUsize) -> Result<Box<dyn Deliveries>, BusError> {
        let queue = self.inner.queue(queue)?;
        let subscription = self.inner.subscriptions.fetch_add(1, Ordering::Relaxed);
        let bus = Arc::clone(&self.inner);
        Ok(Box::new(EmbeddedDeliveries::new(bus, queue, subscription, prefetch.get())))
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<(), BusError> {
        self.inner.ack(receipts).await
    }

    async fn retry(&self, receipt: &Receipt, after: Duration) -> Result<(), BusError> {
        self.inner.retry(receipt, after).await
    }

    async fn park(&self, receipt: &Receipt, reason: &str) -> Result<(), BusError> {
        self.inner.park(receipt, reason).await
    }

    async fn parked(&self, queue: &str, after: Option<Uuid>, limit: usize) -> Result<ParkedPage, BusError> {
        self.inner.parked(queue, after, limit).await
    }

    async fn parked_event(&self, queue: &str, event_id: Uuid) -> Result<Option<ParkedEvent>, BusError> {
        self.inner.parked_event(queue, event_id).await
    }

    async fn replay(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        self.inner.replay(queue, event_id).await
    }

    async fn discard(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        self.inner.discard(queue, event_id).await
    }

    async fn depth(&self, queue: &str) -> Result<Depth, BusError> {
        Ok(self.inner.queue(queue)?.depth())
    }
}

#[async_trait]
impl<T: Transactor> Broadcast for EmbeddedBus<T> {
    async fn listen(&self, _listener: &str, kinds: &[EventKind]) -> Result<Box<dyn Announcements>, BusError> {
        Ok(Box::new(EmbeddedAnnouncements::new(Arc::clone(&self.inner), kinds)))
    }
}

impl<T> fmt::Debug for EmbeddedBus<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedBus").field("topology", &self.inner.topology()).finish_non_exhaustive()
    }
}

// === impl Inner ===

impl<T> Inner<T> {
    pub(super) fn topology(&self) -> Arc<Topology> {
        Arc::clone(&self.topology.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn queue(&self, name: &str) -> Result<Arc<Queue>, BusError> {
        let found = self.topology().queues.get(name).cloned();
        found.ok_or_else(|| BusError::UnknownQueue(name.to_owned()))
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.config.clock.now_ms()
    }
}
