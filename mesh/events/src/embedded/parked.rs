//! What an operator does with events that were set aside.

use redb::ReadableTable as _;
use uuid::Uuid;

use super::{
    Transactor,
    bus::Inner,
    message::{StoredMessage, damaged},
    tables::{PARKED, READY},
};
use crate::{BusError, ParkedEvent, ParkedPage};

// === impl Inner ===

impl<T: Transactor> Inner<T> {
    pub(super) async fn parked(
        &self,
        queue: &str,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<ParkedPage, BusError> {
        let number = self.queue(queue)?.number;
        let first = match after.map(|id| id.as_u128()) {
            None => 0,
            // Nothing lies behind the greatest id.
            Some(u128::MAX) => return Ok(ParkedPage::default()),
            Some(after) => after + 1,
        };
        let read = self.transactor.read(move |txn| {
            let parked = txn.open_table(PARKED)?;
            let mut page = ParkedPage::default();
            for row in parked.range((number, first)..=(number, u128::MAX))? {
                if page.events.len() == limit {
                    page.next = page.events.last().map(|event| event.envelope.id);
                    break;
                }
                page.events.push(decode(row?.1.value())?);
            }
            Ok(page)
        });
        Ok(read.await?)
    }

    pub(super) async fn parked_event(
        &self,
        queue: &str,
        event_id: Uuid,
    ) -> Result<Option<ParkedEvent>, BusError> {
        let key = (self.queue(queue)?.number, event_id.as_u128());
        let read = self.transactor.read(move |txn| {
            let row = txn.open_table(PARKED)?.get(key)?;
            row.map(|row| decode(row.value())).transpose()
        });
        Ok(read.await?)
    }

    pub(super) async fn replay(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        let queue = self.queue(queue)?;
        let replayed = std::sync::Arc::clone(&queue);
        let written = self.transactor.write(move |txn| {
            let mut parked = txn.open_table(PARKED)?;
            let parked_key = (queue.number, event_id.as_u128());
            let Some(row) = parked.get(parked_key)?.map(|row| row.value().to_vec()) else { return Ok(false) };
            let Ok(mut message) = StoredMessage::decode(&row) else {
                // An error here would end the store; a row that nobody can read is no reason to.
                tracing::error!(event.id = %event_id, "a parked event cannot be read and stays parked");
                return Ok(false);
            };
            parked.remove(parked_key)?;
            (message.attempts, message.failures) = (0, 0);
            (message.reason, message.park_time_ms) = (String::new(), 0);
            let key = (queue.number, queue.next_sequence());
            txn.open_table(READY)?.insert(key, &*message.encode())?;
            queue.parked.remove_one();
            queue.ready.add(1);
            Ok(true)
        });
        let is_replayed = written.await?;
        replayed.wake();
        Ok(is_replayed)
    }

    pub(super) async fn discard(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        let queue = self.queue(queue)?;
        let written = self.transactor.write(move |txn| {
            let was_there = txn.open_table(PARKED)?.remove((queue.number, event_id.as_u128()))?.is_some();
            if was_there {
                queue.parked.remove_one();
            }
            Ok(was_there)
        });
        Ok(written.await?)
    }
}

fn decode(stored: &[u8]) -> Result<ParkedEvent, redb::Error> {
    StoredMessage::decode(stored).and_then(StoredMessage::into_parked).map_err(damaged)
}
