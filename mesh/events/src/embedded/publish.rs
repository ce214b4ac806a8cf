//! From the outbox into every bound queue, in one transaction.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use redb::WriteTransaction;

use super::{
    Transactor,
    bus::Inner,
    message::StoredMessage,
    outbox::row_key,
    queue::Queue,
    tables::{OUTBOX, READY},
};
use crate::{BusError, Envelope, Outcome, Published};

/// One envelope, encoded before it enters the writer.
struct Parcel {
    outbox_key: (u64, u128),
    message: Bytes,
    queues: Vec<Arc<Queue>>,
}

// === impl Inner ===

impl<T: Transactor> Inner<T> {
    pub(super) async fn publish(&self, batch: &[Envelope]) -> Result<Vec<Published>, BusError> {
        if batch.is_empty() {
            return Ok(Vec::new());
        }
        let topology = self.topology();
        let parcels: Vec<_> = batch
            .iter()
            .map(|envelope| {
                let queues = topology.bindings.get(&envelope.kind).cloned().unwrap_or_default();
                let message = if queues.is_empty() { Bytes::new() } else { StoredMessage::fresh(envelope) };
                Parcel { outbox_key: row_key(&envelope.outbox_key()), message, queues }
            })
            .collect();
        let events_max = self.config.queue_events_max;
        let published = self.transactor.write(move |txn| distribute(txn, &parcels, events_max)).await?;
        for (envelope, published) in batch.iter().zip(&published) {
            match published.outcome {
                Outcome::Accepted => {}
                Outcome::QueueFull => continue,
                Outcome::Unrouted => {
                    self.unrouted.fetch_add(1, Ordering::Relaxed);
                    tracing::debug!("no queue asked for {} {}", envelope.kind, envelope.id);
                }
            }
            // It is durable that it is published, so it can be told. Nobody listening is no error.
            _ = self.announced.send(envelope.clone());
        }
        for queue in topology.queues.values() {
            queue.wake();
        }
        Ok(published)
    }
}

fn distribute(
    txn: &WriteTransaction,
    parcels: &[Parcel],
    events_max: u64,
) -> Result<Vec<Published>, redb::Error> {
    let (mut outbox, mut ready) = (txn.open_table(OUTBOX)?, txn.open_table(READY)?);
    let mut published = Vec::with_capacity(parcels.len());
    for Parcel { outbox_key, message, queues } in parcels {
        // All or nothing: an event that one queue has no room for enters none, and stays in the outbox.
        if queues.iter().any(|queue| queue.len() >= events_max) {
            published.push(Published { outcome: Outcome::QueueFull, is_marked: false });
            continue;
        }
        for queue in queues {
            ready.insert((queue.number, queue.next_sequence()), &**message)?;
            queue.ready.add(1);
        }
        let outcome = if queues.is_empty() { Outcome::Unrouted } else { Outcome::Accepted };
        let is_marked = outbox.remove(*outbox_key)?.is_some();
        published.push(Published { outcome, is_marked });
    }
    Ok(published)
}
