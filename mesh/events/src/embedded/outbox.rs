//! The outbox in the service's own file.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redb::{ReadTransaction, ReadableTableMetadata, TableError, WriteTransaction};
use uuid::Uuid;

use super::{
    Clock, Transactor,
    tables::{OUTBOX, ReadOutbox},
};
use crate::{Envelope, Outbox, OutboxError, OutboxKey};

/// Puts an event into the outbox, in the transaction of the state change that it tells of. Appending the same
/// event again, as a repeated request does, changes nothing.
///
/// # Errors
/// What redb reports.
pub fn append(txn: &WriteTransaction, envelope: &Envelope) -> Result<(), redb::Error> {
    let key = row_key(&envelope.outbox_key());
    txn.open_table(OUTBOX)?.insert(key, &*envelope.encode())?;
    Ok(())
}

/// The outbox in the file of a [`Transactor`].
#[derive(Clone, Debug)]
pub struct EmbeddedOutbox<T> {
    transactor: T,
    clock: Clock,
}

// === impl EmbeddedOutbox ===

impl<T: Transactor> EmbeddedOutbox<T> {
    /// The outbox that [`append`] fills in this transactor's file.
    pub fn new(transactor: T) -> Self {
        Self { transactor, clock: Clock::system() }
    }

    /// Replaces the clock by which an event's age is told.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// How many events wait to be published.
    ///
    /// # Errors
    /// [`OutboxError`] when the store cannot be read.
    pub async fn depth(&self) -> Result<u64, OutboxError> {
        let read = self.transactor.read(|txn| match open(txn)? {
            Some(outbox) => Ok(outbox.len()?),
            None => Ok(0),
        });
        Ok(read.await?)
    }
}

#[async_trait]
impl<T: Transactor> Outbox for EmbeddedOutbox<T> {
    async fn pending(
        &self,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<Envelope>, OutboxError> {
        // Asked for everything, an event from a clock that was ahead counts too.
        let until_ms = match u64::try_from(older_than.as_millis()) {
            Ok(0) => u64::MAX,
            age => self.clock.now_ms().saturating_sub(age.unwrap_or(u64::MAX)),
        };
        let read = self.transactor.read(move |txn| {
            let Some(outbox) = open(txn)? else { return Ok(Vec::new()) };
            let mut page = Vec::new();
            for row in outbox.range(from(after)..=(until_ms, u128::MAX))? {
                let (key, stored) = row?;
                if after.is_some_and(|after| row_key(&after) == key.value()) {
                    continue;
                }
                if page.len() == limit {
                    break;
                }
                match Envelope::decode(Bytes::copy_from_slice(stored.value())) {
                    Ok(envelope) => page.push(envelope),
                    // It stays, for a version that can read it; the others must not wait behind it.
                    Err(error) => tracing::error!(
                        event.id = %Uuid::from_u128(key.value().1), error = %mesh_telemetry::chain(&error),
                        "an event in the outbox cannot be read and is not published"
                    ),
                }
            }
            Ok(page)
        });
        Ok(read.await?)
    }

    async fn mark_published(&self, keys: &[OutboxKey]) -> Result<(), OutboxError> {
        let keys = keys.iter().map(row_key).collect::<Vec<_>>();
        let written = self.transactor.write(move |txn| {
            let mut outbox = txn.open_table(OUTBOX)?;
            for key in keys {
                outbox.remove(key)?;
            }
            Ok(())
        });
        Ok(written.await?)
    }
}

/// The table, which a fresh file does not have.
fn open(txn: &ReadTransaction) -> Result<Option<ReadOutbox>, redb::Error> {
    match txn.open_table(OUTBOX) {
        Ok(outbox) => Ok(Some(outbox)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The first row of a page; it may be the row behind which the page begins.
fn from(after: Option<OutboxKey>) -> (u64, u128) {
    after.as_ref().map_or((0, 0), row_key)
}

pub(super) fn row_key(key: &OutboxKey) -> (u64, u128) {
    (key.occur_time_ms, Uuid::as_u128(&key.id))
}
