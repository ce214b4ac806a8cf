//! What the process knows of one queue without asking the file.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

use super::leases::Leases;
use crate::Depth;

/// No event waits.
pub(super) const NEVER: u64 = u64::MAX;

/// One queue. The numbers change only inside write transactions, which run one after the other.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) number: u32,
    pub(super) name: Arc<str>,
    /// The sequence number of the next event.
    next: AtomicU64,
    /// Rows of `events.ready`.
    pub(super) ready: Count,
    pub(super) waiting: Count,
    pub(super) parked: Count,
    /// The earliest due time of a waiting event, or [`NEVER`].
    due_ms: AtomicU64,
    /// Deliveries below this sequence number may have begun, and the file knows it.
    mark: AtomicU64,
    /// Events below this sequence number may have killed the process.
    suspect_below: u64,
    leases: Mutex<Leases>,
    /// Held while a subscription reads ahead, so that two of them do not read the same events.
    pub(super) reading: Arc<tokio::sync::Mutex<()>>,
    changed: watch::Sender<()>,
}

/// A number of rows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

/// What the file knows of a queue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stored {
    pub(super) next: u64,
    pub(super) ready: u64,
    pub(super) waiting: u64,
    pub(super) parked: u64,
    pub(super) due_ms: Option<u64>,
    pub(super) mark: u64,
    pub(super) suspect_below: u64,
}

// === impl Queue ===

impl Queue {
    pub(super) fn new(number: u32, name: &str, stored: Stored) -> Self {
        Self {
            number,
            name: name.into(),
            next: AtomicU64::new(stored.next),
            ready: Count(stored.ready.into()),
            waiting: Count(stored.waiting.into()),
            parked: Count(stored.parked.into()),
            due_ms: AtomicU64::new(stored.due_ms.unwrap_or(NEVER)),
            mark: AtomicU64::new(stored.mark),
            suspect_below: stored.suspect_below,
            leases: Mutex::default(),
            reading: Arc::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// The next sequence number. Only inside a write transaction.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Everything it holds, parked events included.
    pub(super) fn len(&self) -> u64 {
        self.ready.get() + self.waiting.get() + self.parked.get()
    }

    pub(super) fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn due_ms(&self) -> u64 {
        self.due_ms.load(Ordering::Relaxed)
    }

    /// Only inside a write transaction.
    pub(super) fn set_due_ms(&self, due_ms: u64) {
        self.due_ms.store(due_ms, Ordering::Relaxed);
    }

    pub(super) fn mark(&self) -> u64 {
        self.mark.load(Ordering::Relaxed)
    }

    pub(super) fn raise_mark(&self, mark: u64) {
        self.mark.fetch_max(mark, Ordering::Relaxed);
    }

    pub(super) fn is_suspect(&self, sequence: u64) -> bool {
        sequence < self.suspect_below
    }

    /// Wakes the queue's subscriptions. After the transaction that gave them something to look for.
    pub(super) fn wake(&self) {
        self.changed.send_replace(());
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    pub(super) fn depth(&self) -> Depth {
        let leased = self.leases().out() as u64;
        Depth {
            ready: self.ready.get().saturating_sub(leased),
            leased,
            waiting: self.waiting.get(),
            parked: self.parked.get(),
        }
    }
}

// === impl Count ===

impl Count {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, rows: u64) {
        self.0.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn remove_one(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
