//! Acknowledging, retrying, parking: a delivery leaves `events.ready`, for good or for elsewhere.

use std::{sync::Arc, time::Duration};

use redb::WriteTransaction;

use super::{
    Transactor,
    bus::Inner,
    message::{StoredMessage, damaged},
    queue::Queue,
    tables::{PARKED, READY, WAIT},
};
use crate::{BusError, Receipt};

// === impl Inner ===

impl<T: Transactor> Inner<T> {
    pub(super) async fn ack(&self, receipts: &[Receipt]) -> Result<(), BusError> {
        let mut rows = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            rows.extend(self.leased(receipt)?.map(|queue| (queue, receipt.tag)));
        }
        if rows.is_empty() {
            return Ok(());
        }
        let written = self.transactor.write(move |txn| {
            let mut ready = txn.open_table(READY)?;
            for (queue, sequence) in rows {
                if ready.remove((queue.number, sequence))?.is_some() {
                    queue.ready.remove_one();
                }
            }
            Ok(())
        });
        written.await?;
        self.settled(receipts)
    }

    pub(super) async fn retry(&self, receipt: &Receipt, after: Duration) -> Result<(), BusError> {
        let Some(queue) = self.leased(receipt)? else { return Ok(()) };
        let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        let due_ms = self.now_ms().saturating_add(after_ms);
        let sequence = receipt.tag;
        let written = self.transactor.write(move |txn| {
            let Some(mut message) = take(txn, &queue, sequence)? else { return Ok(()) };
            message.attempts = message.attempts.saturating_add(1);
            message.failures = message.failures.saturating_add(1);
            txn.open_table(WAIT)?.insert((queue.number, due_ms, sequence), &*message.encode())?;
            queue.waiting.add(1);
            queue.set_due_ms(queue.due_ms().min(due_ms));
            Ok(())
        });
        written.await?;
        self.settled(std::slice::from_ref(receipt))
    }

    pub(super) async fn park(&self, receipt: &Receipt, reason: &str) -> Result<(), BusError> {
        let Some(queue) = self.leased(receipt)? else { return Ok(()) };
        let (reason, park_time_ms, sequence) = (reason.to_owned(), self.now_ms(), receipt.tag);
        let written = self.transactor.write(move |txn| {
            let Some(mut message) = take(txn, &queue, sequence)? else { return Ok(()) };
            message.attempts = message.attempts.saturating_add(1);
            (message.reason, message.park_time_ms) = (reason, park_time_ms);
            let id = message.envelope.id().map_err(damaged)?.as_u128();
            let mut parked = txn.open_table(PARKED)?;
            if parked.insert((queue.number, id), &*message.encode())?.is_none() {
                queue.parked.add(1);
            }
            Ok(())
        });
        written.await?;
        self.settled(std::slice::from_ref(receipt))
    }

    /// The queue of a receipt that still holds.
    fn leased(&self, receipt: &Receipt) -> Result<Option<Arc<Queue>>, BusError> {
        let queue = self.queue(&receipt.queue)?;
        let holds = queue.leases().has(receipt.subscription, receipt.tag);
        Ok(holds.then_some(queue))
    }

    /// Ends the leases of what was settled, and lets their subscriptions have more.
    fn settled(&self, receipts: &[Receipt]) -> Result<(), BusError> {
        for of_one_queue in receipts.chunk_by(|a, b| a.queue == b.queue) {
            let queue = self.queue(&of_one_queue[0].queue)?;
            let mut leases = queue.leases();
            of_one_queue.iter().for_each(|receipt| leases.settle(receipt.subscription, receipt.tag));
            drop(leases);
            queue.wake();
        }
        Ok(())
    }
}

/// Takes an event out of its queue, unless somebody did already.
fn take(txn: &WriteTransaction, queue: &Queue, sequence: u64) -> Result<Option<StoredMessage>, redb::Error> {
    let mut ready = txn.open_table(READY)?;
    let Some(row) = ready.remove((queue.number, sequence))? else { return Ok(None) };
    queue.ready.remove_one();
    StoredMessage::decode(row.value()).map(Some).map_err(damaged)
}
