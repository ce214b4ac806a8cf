//! Announcements inside the one process that owns the file: every listener has a place in one ring.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::{Transactor, bus::Inner};
use crate::{Announcement, Announcements, Envelope, EventKind};

/// One listener of an embedded bus.
pub(super) struct EmbeddedAnnouncements<T: Transactor> {
    bus: Arc<Inner<T>>,
    kinds: HashSet<EventKind>,
    heard: Receiver<Envelope>,
    /// There was a gap, or the listening begins: said before anything that comes behind it.
    is_resumed: bool,
}

// === impl EmbeddedAnnouncements ===

impl<T: Transactor> EmbeddedAnnouncements<T> {
    pub(super) fn new(bus: Arc<Inner<T>>, kinds: &[EventKind]) -> Self {
        // From here on nothing is missed, although nobody has asked for the first one yet.
        let heard = bus.announced.subscribe();
        Self { bus, kinds: kinds.iter().cloned().collect(), heard, is_resumed: true }
    }
}

#[async_trait]
impl<T: Transactor> Announcements for EmbeddedAnnouncements<T> {
    async fn next(&mut self) -> Option<Announcement> {
        loop {
            if std::mem::take(&mut self.is_resumed) {
                return Some(Announcement::Resumed);
            }
            let heard = tokio::select! {
                biased;
                () = self.bus.closed.cancelled() => return None,
                heard = self.heard.recv() => heard,
            };
            match heard {
                Ok(event) if self.kinds.contains(&event.kind) => return Some(Announcement::Event(event)),
                Ok(_of_another_kind) => {}
                // The ring went round: the oldest announcements are gone, and listening goes on behind them.
                Err(RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "a listener was too slow for the announcements");
                    self.is_resumed = true;
                    return Some(Announcement::Interrupted);
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
