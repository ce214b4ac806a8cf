//! Reading a queue's next events: what came due first, then what was given back, then what is new.

use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use tokio::sync::OwnedMutexGuard;

use super::{
    Transactor,
    bus::Inner,
    message::StoredMessage,
    queue::{NEVER, Queue},
    tables::{MARKS, READY, ReadReady, WAIT},
};
use crate::{BusError, DecodeError, Delivery, Receipt};

/// Events that may have killed the last run and are handed out together. Small, so that the deadly one is found
/// soon; not one, so that a restart after an ordinary kill does not crawl.
pub const SUSPECTS_AT_ONCE: usize = 32;

/// How far the mark is raised beyond what is handed out: one small write for that many deliveries, and at most
/// that many innocent suspects after a crash.
const MARK_AHEAD: u64 = 256;
/// Events that come due in one transaction.
const DUE_AT_ONCE: usize = 256;
/// Bytes that are read ahead, so that large events do not make a prefetch of them large; one is always read.
const BYTES_AHEAD_MAX: usize = 4 << 20;

/// What was read and not yet claimed.
pub(super) struct Fetched {
    pub(super) deliveries: Vec<Delivery>,
    /// Rows that are no messages; they stay where they are.
    pub(super) unreadable: Vec<u64>,
    /// Keeps others from reading the same events until these are claimed.
    pub(super) reading: Option<OwnedMutexGuard<()>>,
}

/// An event and its sequence number.
type Event = (u64, StoredMessage);

/// What a snapshot shows.
struct Rows {
    events: Vec<Event>,
    /// Rows that are no messages.
    damaged: Vec<(u64, DecodeError)>,
    /// Rows that were given back and are not there any more.
    gone: Vec<u64>,
}

/// Reads at most `limit` events that nobody has.
pub(super) async fn fetch<T: Transactor>(
    bus: Arc<Inner<T>>,
    queue: Arc<Queue>,
    subscription: u64,
    limit: usize,
) -> Result<Fetched, BusError> {
    let reading = Arc::clone(&queue.reading).lock_owned().await;
    if queue.due_ms() <= bus.now_ms() {
        bring_back(&bus, &queue).await?;
    }
    let claimed = queue.leases().claimed();
    if queue.ready.get() <= claimed as u64 {
        return Ok(Fetched { deliveries: Vec::new(), unreadable: Vec::new(), reading: None });
    }
    let (returned, cursor) = {
        let leases = queue.leases();
        (leases.returned(limit), leases.cursor())
    };
    // No more of the suspects would be handed out.
    let may_be_suspect = queue.is_suspect(returned.first().copied().unwrap_or(cursor));
    let limit = if may_be_suspect { limit.min(SUSPECTS_AT_ONCE) } else { limit };
    let number = queue.number;
    let read = move |txn: &ReadTransaction| rows(&txn.open_table(READY)?, number, &returned, cursor, limit);
    let Rows { mut events, damaged, gone } = bus.transactor.read(read).await?;
    gone.into_iter().for_each(|sequence| queue.leases().forget(sequence));
    let mut unreadable = Vec::new();
    for (sequence, error) in damaged {
        pass_over(&queue, sequence, &error, &mut unreadable);
    }
    if events.first().is_some_and(|(sequence, _)| queue.is_suspect(*sequence)) {
        // Whatever was handed out before must have had its outcome, else two groups would share the blame.
        if claimed > 0 {
            return Ok(Fetched { deliveries: Vec::new(), unreadable, reading: Some(reading) });
        }
        only_suspects(&queue, &mut events);
        events = count_attempts(&bus, &queue, events).await?;
    }
    raise_mark(&bus, &queue, &events).await?;
    let deliveries = deliveries(&queue, subscription, events, &mut unreadable);
    Ok(Fetched { deliveries, unreadable, reading: Some(reading) })
}

/// The rows that were given back, then those from the cursor on.
fn rows(
    ready: &ReadReady,
    queue: u32,
    returned: &[u64],
    cursor: u64,
    limit: usize,
) -> Result<Rows, redb::Error> {
    let mut rows = Rows { events: Vec::new(), damaged: Vec::new(), gone: Vec::new() };
    let mut bytes = 0;
    let mut put = |sequence, stored: &[u8]| {
        match StoredMessage::decode(stored) {
            Ok(message) => rows.events.push((sequence, message)),
            Err(error) => rows.damaged.push((sequence, error)),
        }
        bytes += stored.len();
        bytes < BYTES_AHEAD_MAX
    };
    let mut taken = 0;
    for &sequence in returned.iter().take(limit) {
        match ready.get((queue, sequence))? {
            Some(row) if !put(sequence, row.value()) => return Ok(rows),
            Some(_) => taken += 1,
            None => rows.gone.push(sequence),
        }
    }
    for row in ready.range((queue, cursor)..=(queue, u64::MAX))?.take(limit - taken) {
        let (key, stored) = row?;
        if !put(key.value().1, stored.value()) {
            break;
        }
    }
    Ok(rows)
}

/// Cuts the events to a group that may share the blame: one that failed before is alone.
fn only_suspects(queue: &Queue, events: &mut Vec<Event>) {
    let is_blamed = |(_, message): &Event| message.attempts > 0;
    let group = if events.first().is_some_and(is_blamed) {
        1
    } else {
        let is_clean = |event: &&Event| queue.is_suspect(event.0) && !is_blamed(event);
        events.iter().take(SUSPECTS_AT_ONCE).take_while(is_clean).count()
    };
    events.truncate(group);
}

/// Counts an attempt of each event before it is handed out, so that a crash cannot hide it.
async fn count_attempts<T: Transactor>(
    bus: &Inner<T>,
    queue: &Arc<Queue>,
    mut events: Vec<Event>,
) -> Result<Vec<Event>, BusError> {
    let number = queue.number;
    let written = bus.transactor.write(move |txn| {
        let mut ready = txn.open_table(READY)?;
        for (sequence, message) in &mut events {
            message.attempts = message.attempts.saturating_add(1);
            ready.insert((number, *sequence), &*message.encode())?;
        }
        Ok(events)
    });
    Ok(written.await?)
}

/// Makes durable that deliveries up to these events may begin.
async fn raise_mark<T: Transactor>(bus: &Inner<T>, queue: &Queue, events: &[Event]) -> Result<(), BusError> {
    let Some(last) = events.iter().map(|(sequence, _)| *sequence).max() else { return Ok(()) };
    if last < queue.mark() {
        return Ok(());
    }
    let (number, mark) = (queue.number, last + MARK_AHEAD);
    let written = bus.transactor.write(move |txn| {
        txn.open_table(MARKS)?.insert(number, mark)?;
        Ok(())
    });
    written.await?;
    queue.raise_mark(mark);
    Ok(())
}

fn deliveries(
    queue: &Queue,
    subscription: u64,
    events: Vec<Event>,
    unreadable: &mut Vec<u64>,
) -> Vec<Delivery> {
    let mut deliveries = Vec::with_capacity(events.len());
    for (sequence, message) in events {
        let (attempt, failures) = (message.attempts.saturating_add(1), message.failures);
        let receipt = Receipt { queue: Arc::clone(&queue.name), subscription, tag: sequence };
        match message.envelope.try_into() {
            Ok(envelope) => deliveries.push(Delivery { envelope, attempt, failures, receipt }),
            Err(error) => pass_over(queue, sequence, &error, unreadable),
        }
    }
    deliveries
}

/// A row that cannot be read must not stop its queue. It stays in the file, and every run says so.
fn pass_over(queue: &Queue, sequence: u64, error: &DecodeError, unreadable: &mut Vec<u64>) {
    let error = mesh_telemetry::chain(error);
    tracing::error!(%error, queue = &*queue.name, sequence, "an event cannot be read, passing over it");
    unreadable.push(sequence);
}

/// Brings events whose time has come back to the end of their queue.
async fn bring_back<T: Transactor>(bus: &Inner<T>, queue: &Arc<Queue>) -> Result<(), BusError> {
    let (queue, now_ms) = (Arc::clone(queue), bus.now_ms());
    Ok(bus.transactor.write(move |txn| due(txn, &queue, now_ms)).await?)
}

fn due(txn: &WriteTransaction, queue: &Queue, now_ms: u64) -> Result<(), redb::Error> {
    let (mut wait, mut ready) = (txn.open_table(WAIT)?, txn.open_table(READY)?);
    let mut moved = Vec::new();
    for row in wait.range((queue.number, 0, 0)..=(queue.number, now_ms, u64::MAX))?.take(DUE_AT_ONCE) {
        moved.push(row?.0.value());
    }
    for key in moved {
        if let Some(row) = wait.remove(key)? {
            ready.insert((queue.number, queue.next_sequence()), row.value())?;
            queue.waiting.remove_one();
            queue.ready.add(1);
        }
    }
    let next = wait.range((queue.number, 0, 0)..=(queue.number, u64::MAX, u64::MAX))?.next().transpose()?;
    queue.set_due_ms(next.map_or(NEVER, |(key, _)| key.value().1));
    Ok(())
}
