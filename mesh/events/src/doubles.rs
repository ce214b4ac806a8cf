//! A bus and an outbox that do as a test says: they fail, refuse, dawdle, and tell what was asked of them. The
//! real ones are tested where their store is, by the conformance suites.

use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::*;

pub(crate) const CREATED: EventKind = EventKind::from_static("user.created");

/// The n-th event, which happened n milliseconds after the epoch.
pub(crate) fn event(n: u64) -> Envelope {
    Envelope {
        id: Uuid::from_u128(n.into()),
        kind: CREATED,
        subject: Uuid::nil(),
        version: n,
        occur_time_ms: n,
        body: Bytes::new(),
        traceparent: None,
    }
}

/// What was asked of a [`FakeBus`], with the numbers of the events.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Publish(Vec<u64>),
    Subscribe,
    Ack(Vec<u64>),
    Retry(u64, Duration),
    Park(u64, String),
}

/// A bus under a test's hand.
#[derive(Default)]
pub(crate) struct FakeBus {
    pub(crate) asked: Mutex<Vec<Asked>>,
    /// What the next publishes say; then everything is accepted.
    pub(crate) failures: Mutex<usize>,
    /// The numbers of events for which there is no room.
    pub(crate) refused: Mutex<Vec<u64>>,
    /// Whether publishing also marks.
    pub(crate) marks: bool,
    /// How long an ack takes.
    pub(crate) ack_time: Duration,
    /// One source of deliveries per subscription, in turn.
    pub(crate) sources: Mutex<VecDeque<mpsc::UnboundedReceiver<Result<Delivery, BusError>>>>,
}

struct FakeDeliveries(mpsc::UnboundedReceiver<Result<Delivery, BusError>>);

// === impl FakeBus ===

impl FakeBus {
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn published(&self) -> Vec<u64> {
        let asked = self.asked().into_iter();
        asked.flat_map(|asked| if let Asked::Publish(numbers) = asked { numbers } else { vec![] }).collect()
    }

    /// Feeds the next subscription.
    pub(crate) fn source(&self) -> mpsc::UnboundedSender<Result<Delivery, BusError>> {
        let (sender, source) = mpsc::unbounded_channel();
        self.sources.lock().unwrap().push_back(source);
        sender
    }

    fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }
}

/// The delivery of the n-th event, whose earlier attempts failed.
pub(crate) fn delivery(n: u64, attempt: u32) -> Delivery {
    let receipt = Receipt { queue: "q".into(), subscription: 0, tag: n };
    Delivery { envelope: event(n), attempt, failures: attempt - 1, receipt }
}

pub(crate) fn down() -> BusError {
    BusError::Unavailable("down".into())
}

#[async_trait]
impl Bus for FakeBus {
    async fn declare(&self, _: &[Subscription]) -> Result<(), BusError> {
        Ok(())
    }

    async fn publish(&self, batch: &[Envelope]) -> Result<Vec<Published>, BusError> {
        let mut failures = self.failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(down());
        }
        let refused = self.refused.lock().unwrap();
        let (mut taken, mut published) = (Vec::new(), Vec::new());
        for envelope in batch {
            let has_room = !refused.contains(&envelope.version);
            let outcome = if has_room { Outcome::Accepted } else { Outcome::QueueFull };
            taken.extend(has_room.then_some(envelope.version));
            published.push(Published { outcome, is_marked: has_room && self.marks });
        }
        self.note(Asked::Publish(taken));
        Ok(published)
    }

    async fn subscribe(&self, _: &str, _: NonZeroUsize) -> Result<Box<dyn Deliveries>, BusError> {
        self.note(Asked::Subscribe);
        let source = self.sources.lock().unwrap().pop_front();
        Ok(Box::new(FakeDeliveries(source.ok_or_else(down)?)))
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<(), BusError> {
        tokio::time::sleep(self.ack_time).await;
        self.note(Asked::Ack(receipts.iter().map(|receipt| receipt.tag).collect()));
        Ok(())
    }

    async fn retry(&self, receipt: &Receipt, after: Duration) -> Result<(), BusError> {
        self.note(Asked::Retry(receipt.tag, after));
        Ok(())
    }

    async fn park(&self, receipt: &Receipt, reason: &str) -> Result<(), BusError> {
        self.note(Asked::Park(receipt.tag, reason.to_owned()));
        Ok(())
    }

    async fn parked(&self, _: &str, _: Option<Uuid>, _: usize) -> Result<ParkedPage, BusError> {
        Err(down())
    }

    async fn parked_event(&self, _: &str, _: Uuid) -> Result<Option<ParkedEvent>, BusError> {
        Err(down())
    }

    async fn replay(&self, _: &str, _: Uuid) -> Result<bool, BusError> {
        Err(down())
    }

    async fn discard(&self, _: &str, _: Uuid) -> Result<bool, BusError> {
        Err(down())
    }

    async fn depth(&self, _: &str) -> Result<Depth, BusError> {
        Err(down())
    }
}

#[async_trait]
impl Deliveries for FakeDeliveries {
    async fn next(&mut self) -> Option<Result<Delivery, BusError>> {
        self.0.recv().await
    }
}

/// An outbox in memory. Its events happened so many milliseconds after the epoch as its clock says.
#[derive(Default)]
pub(crate) struct FakeOutbox {
    pub(crate) rows: Mutex<BTreeMap<OutboxKey, Envelope>>,
    pub(crate) mark_failures: Mutex<usize>,
    /// How long a mark takes before it is there.
    pub(crate) mark_time: Mutex<Duration>,
    /// How long a page takes after it was read.
    pub(crate) page_time: Mutex<Duration>,
    pub(crate) now_ms: Mutex<u64>,
}

// === impl FakeOutbox ===

impl FakeOutbox {
    pub(crate) fn with(numbers: impl IntoIterator<Item = u64>) -> Arc<Self> {
        let outbox = Self::default();
        numbers.into_iter().for_each(|n| outbox.append(n));
        Arc::new(outbox)
    }

    pub(crate) fn append(&self, n: u64) {
        self.rows.lock().unwrap().insert(event(n).outbox_key(), event(n));
    }

    pub(crate) fn left(&self) -> Vec<u64> {
        self.rows.lock().unwrap().values().map(|envelope| envelope.version).collect()
    }
}

#[async_trait]
impl Outbox for FakeOutbox {
    async fn pending(
        &self,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<Envelope>, OutboxError> {
        let now_ms = *self.now_ms.lock().unwrap();
        let is_due = |key: &OutboxKey| {
            older_than.is_zero() || key.occur_time_ms + older_than.as_millis() as u64 <= now_ms
        };
        let page = {
            let rows = self.rows.lock().unwrap();
            let behind = rows.iter().filter(|(key, _)| after.is_none_or(|after| **key > after));
            behind.filter(|(key, _)| is_due(key)).take(limit).map(|(_, row)| row.clone()).collect()
        };
        let takes = *self.page_time.lock().unwrap();
        tokio::time::sleep(takes).await;
        Ok(page)
    }

    async fn mark_published(&self, keys: &[OutboxKey]) -> Result<(), OutboxError> {
        let takes = *self.mark_time.lock().unwrap();
        tokio::time::sleep(takes).await;
        let mut failures = self.mark_failures.lock().unwrap();
        if *failures > 0 {
            *failures -= 1;
            return Err(OutboxError("down".into()));
        }
        keys.iter().for_each(|key| drop(self.rows.lock().unwrap().remove(key)));
        Ok(())
    }
}
