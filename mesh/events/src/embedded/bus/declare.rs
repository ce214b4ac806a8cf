//! Making queues and bindings durable.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use redb::{ReadableTable, WriteTransaction};

use super::{Inner, Topology};
use crate::{
    BusError, EventKind, Subscription,
    embedded::{
        Transactor,
        message::{StoredQueue, damaged},
        queue::{Queue, Stored},
        tables::QUEUES,
    },
};

// === impl Inner ===

impl<T: Transactor> Inner<T> {
    pub(in crate::embedded) async fn declare(&self, subscriptions: &[Subscription]) -> Result<(), BusError> {
        let wanted = subscriptions.to_vec();
        let stored = self.transactor.write(move |txn| store(txn, &wanted)).await?;
        // The file is the truth, and this map follows it. Two declarations at once each carry the state of
        // their own transaction, so a queue that the map already has is kept as it is.
        let mut topology = self.topology.write().unwrap_or_else(PoisonError::into_inner);
        *topology = Arc::new(extend(&topology, &stored));
        Ok(())
    }
}

/// Writes the definitions and gives the numbers of the queues.
fn store(txn: &WriteTransaction, wanted: &[Subscription]) -> Result<Vec<(Subscription, u32)>, redb::Error> {
    let mut queues = txn.open_table(QUEUES)?;
    let mut next = 0;
    let mut numbers = HashMap::new();
    for row in queues.iter()? {
        let (name, stored) = row?;
        let stored = StoredQueue::decode(stored.value()).map_err(damaged)?;
        next = next.max(stored.number + 1);
        numbers.insert(name.value().to_owned(), stored.number);
    }
    let mut declared = Vec::with_capacity(wanted.len());
    for subscription in wanted {
        let number = *numbers.entry(subscription.queue.clone()).or_insert_with(|| {
            next += 1;
            next - 1
        });
        let stored = StoredQueue::new(number, &subscription.kinds).encode();
        queues.insert(subscription.queue.as_str(), &*stored)?;
        declared.push((subscription.clone(), number));
    }
    Ok(declared)
}

/// The map with what was declared. Queues that were not named keep their kinds.
fn extend(current: &Topology, declared: &[(Subscription, u32)]) -> Topology {
    let mut queues = current.queues.clone();
    let is_named = |name: &str| declared.iter().any(|(subscription, _)| subscription.queue == name);
    let mut bindings: HashMap<EventKind, Vec<Arc<Queue>>> = HashMap::new();
    for (kind, bound) in &current.bindings {
        let kept = bound.iter().filter(|queue| !is_named(&queue.name)).cloned();
        bindings.entry(kind.clone()).or_default().extend(kept);
    }
    for (subscription, number) in declared {
        let queue = queues
            .entry(subscription.queue.as_str().into())
            .or_insert_with(|| Arc::new(Queue::new(*number, &subscription.queue, Stored::default())));
        for kind in &subscription.kinds {
            let bound = bindings.entry(kind.clone()).or_default();
            if !bound.iter().any(|other| other.number == queue.number) {
                bound.push(Arc::clone(queue));
            }
        }
    }
    Topology { queues, bindings }
}
