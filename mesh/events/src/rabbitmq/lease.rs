//! What a subscription has from the broker: read ahead, or out.
//!
//! # An event that kills the process
//! The broker counts, for each message, the deliveries that ended without an outcome, and with a process all that it
//! had from the broker ended: also what was read ahead. So a subscription begins by reading one message at a time,
//! and reads ahead only once one comes that is no suspect: the broker hands out again what came back before it
//! hands out anything new. A message with [`SUSPECT_DEATHS`] or more such deliveries is handed out alone. A deadly
//! event is so soon alone, its attempts grow by one per crash, and the consumer parks it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lapin::Channel;
use tokio::sync::Notify;

use super::message::Past;
use crate::{BusError, Delivery, Envelope, Receipt};

/// Deliveries without an outcome from which on an event is handed out alone. One is what every lost connection
/// leaves.
pub(super) const SUSPECT_DEATHS: u32 = 2;

/// A message that the broker handed to this process.
#[derive(Clone, Debug)]
pub(super) struct Message {
    /// Its channel, which settles it, and which lives as long as a message of it.
    pub(super) channel: Channel,
    /// Its number on the channel.
    pub(super) tag: u64,
    pub(super) envelope: Envelope,
    pub(super) past: Past,
    pub(super) deaths: u32,
}

/// The messages of one subscription.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) id: u64,
    pub(super) queue: Arc<str>,
    prefetch: usize,
    held: Mutex<Held>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Held {
    ahead: VecDeque<Message>,
    out: BTreeMap<u64, Message>,
    last_tag: u64,
    end: Option<End>,
}

/// Why nothing comes any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The channel or the connection is lost.
    Lost(String),
    /// The bus was closed.
    Closed,
}

// === impl Message ===

impl Message {
    pub(super) fn is_suspect(&self) -> bool {
        self.deaths >= SUSPECT_DEATHS
    }

    /// Whether it can still be settled.
    pub(super) fn is_held(&self) -> bool {
        self.channel.status().connected()
    }
}

// === impl Lease ===

impl Lease {
    /// `adopted`: what an earlier subscription of the queue left, in order.
    pub(super) fn new(id: u64, queue: &str, prefetch: usize, adopted: Vec<Message>) -> Self {
        let held = Held { ahead: adopted.into(), ..Held::default() };
        Self { id, queue: queue.into(), prefetch, held: Mutex::new(held), changed: Notify::new() }
    }

    /// Waits for the next delivery; giving up loses nothing.
    pub(super) async fn next(&self) -> Option<Result<Delivery, BusError>> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(delivery) = self.hand_out() {
                return Some(Ok(delivery));
            }
            match self.held().end.clone() {
                Some(End::Closed) => return None,
                Some(End::Lost(why)) => return Some(Err(BusError::Unavailable(why.into()))),
                None => {}
            }
            changed.await;
        }
    }

    fn hand_out(&self) -> Option<Delivery> {
        let mut held = self.held();
        if held.end.is_some() {
            return None;
        }
        // Those of a channel that ended come again from the broker.
        while held.ahead.front().is_some_and(|first| !first.is_held()) {
            held.ahead.pop_front();
        }
        let first = held.ahead.front()?;
        let is_alone = held.out.is_empty();
        let has_suspect = first.is_suspect() || held.out.values().any(Message::is_suspect);
        if held.out.len() >= self.prefetch || (has_suspect && !is_alone) {
            return None;
        }
        let message = held.ahead.pop_front()?;
        held.last_tag += 1;
        let tag = held.last_tag;
        let receipt = Receipt { queue: Arc::clone(&self.queue), subscription: self.id, tag };
        let (envelope, Past { attempt, failures }) = (message.envelope.clone(), message.past);
        let delivery = Delivery { envelope, attempt, failures, receipt };
        held.out.insert(tag, message);
        Some(delivery)
    }

    pub(super) fn read(&self, messages: impl IntoIterator<Item = Message>) {
        self.held().ahead.extend(messages);
        self.changed.notify_waiters();
    }

    pub(super) fn end(&self, end: End) {
        self.held().end.get_or_insert(end);
        self.changed.notify_waiters();
    }

    pub(super) fn has_suspects(&self) -> bool {
        let held = self.held();
        held.ahead.iter().chain(held.out.values()).any(Message::is_suspect)
    }

    /// What a receipt settles; it stays out.
    pub(super) fn get(&self, tag: u64) -> Option<Message> {
        self.held().out.get(&tag).cloned()
    }

    /// Takes what a receipt settles.
    pub(super) fn remove(&self, tag: u64) -> Option<Message> {
        let message = self.held().out.remove(&tag);
        self.changed.notify_waiters();
        message
    }

    /// Takes what was read ahead.
    pub(super) fn take_ahead(&self) -> Vec<Message> {
        self.held().ahead.drain(..).collect()
    }

    /// Takes everything: what is out first, which came first.
    pub(super) fn take_all(&self) -> Vec<Message> {
        let mut held = self.held();
        let out = std::mem::take(&mut held.out);
        out.into_values().chain(held.ahead.drain(..)).filter(Message::is_held).collect()
    }

    /// How many are read ahead, and how many are out.
    pub(super) fn count(&self) -> (u64, u64) {
        let held = self.held();
        let ahead = held.ahead.iter().filter(|message| message.is_held()).count();
        let out = held.out.values().filter(|message| message.is_held()).count();
        (ahead as u64, out as u64)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
