//! What a run finds in the file.

use std::{collections::HashMap, sync::Arc};

use redb::{ReadableTable, WriteTransaction};

use super::Topology;
use crate::{
    EventKind,
    embedded::{
        message::{StoredQueue, damaged},
        queue::{Queue, Stored},
        tables::{IS_CLOSED, MARKS, OUTBOX, PARKED, QUEUES, READY, STATE, WAIT},
    },
};

/// Makes every table, so that no read meets a missing one, loads the queues, and notes that a run is under way.
pub(super) fn load(txn: &WriteTransaction) -> Result<Topology, redb::Error> {
    txn.open_table(OUTBOX)?;
    // A new file has no note, and nothing in it could be suspect.
    let was_closed = txn.open_table(STATE)?.insert(IS_CLOSED, 0)?.is_none_or(|closed| closed.value() == 1);
    let queues = txn.open_table(QUEUES)?;
    let mut topology = Topology { queues: HashMap::new(), bindings: HashMap::new() };
    for row in queues.iter()? {
        let (name, stored) = row?;
        let stored = StoredQueue::decode(stored.value()).map_err(damaged)?;
        let contents = contents(txn, stored.number, was_closed)?;
        if contents.suspect_below > 0 {
            tracing::warn!(
                queue = name.value(),
                ready = contents.ready,
                "the last run ended without closing the bus, events that were out are handed out with care"
            );
        }
        let queue = Arc::new(Queue::new(stored.number, name.value(), contents));
        for kind in stored.kinds {
            let kind = EventKind::try_from(kind).map_err(|e| redb::Error::Corrupted(e.to_string()))?;
            topology.bindings.entry(kind).or_default().push(Arc::clone(&queue));
        }
        topology.queues.insert(name.value().into(), queue);
    }
    // For the tables' existence when there was no queue.
    txn.open_table(READY)?;
    txn.open_table(WAIT)?;
    txn.open_table(PARKED)?;
    txn.open_table(MARKS)?;
    Ok(topology)
}

fn contents(txn: &WriteTransaction, queue: u32, was_closed: bool) -> Result<Stored, redb::Error> {
    let (ready, wait) = (txn.open_table(READY)?, txn.open_table(WAIT)?);
    let (parked, marks) = (txn.open_table(PARKED)?, txn.open_table(MARKS)?);
    let mark = marks.get(queue)?.map_or(0, |mark| mark.value());
    let rows = (queue, 0)..=(queue, u64::MAX);
    let last = ready.range(rows.clone())?.next_back().transpose()?.map(|(key, _)| key.value().1);
    let first = ready.range(rows.clone())?.next().transpose()?.map(|(key, _)| key.value().1);
    let waiting = (queue, 0, 0)..=(queue, u64::MAX, u64::MAX);
    let due_ms = wait.range(waiting.clone())?.next().transpose()?.map(|(key, _)| key.value().1);
    let has_suspects = !was_closed && first.is_some_and(|first| first < mark);
    Ok(Stored {
        // Above the mark, so that an event of this run is never taken for one that an earlier run began.
        next: last.map_or(0, |last| last + 1).max(mark),
        ready: ready.range(rows)?.count() as u64,
        waiting: wait.range(waiting)?.count() as u64,
        parked: parked.range((queue, 0)..=(queue, u128::MAX))?.count() as u64,
        due_ms,
        mark,
        suspect_below: if has_suspects { mark } else { 0 },
    })
}
