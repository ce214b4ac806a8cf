//! The administration of events that consumers have set aside.

use std::sync::Arc;

use mesh_events::{Bus, BusError, ParkedEvent};
use uuid::Uuid;

use crate::error::Error;

/// Where a page of parked events begins: after this event of this queue.
pub type ParkedKey = (String, Uuid);

/// The use cases of parked events, in all queues that the administration knows.
#[derive(Clone)]
pub struct Parked {
    bus: Arc<dyn Bus>,
    /// In order.
    queues: Arc<[String]>,
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parked").field("queues", &self.queues).finish_non_exhaustive()
    }
}

impl Parked {
    /// The administration of these queues.
    #[must_use]
    pub fn new(bus: Arc<dyn Bus>, mut queues: Vec<String>) -> Self {
        queues.sort();
        Self { bus, queues: queues.into() }
    }

    /// Up to `limit` parked events of one queue or of all, by queue and id, and whether there are more.
    ///
    /// # Errors
    /// [`Error::QueueNotFound`], [`Error::Unavailable`].
    pub async fn list(
        &self,
        queue: Option<&str>,
        after: Option<ParkedKey>,
        limit: usize,
    ) -> Result<(Vec<(String, ParkedEvent)>, bool), Error> {
        if let Some(name) = queue {
            self.known(name)?;
        }
        let mut listed = Vec::new();
        for name in self.queues.iter().filter(|name| queue.is_none_or(|only| only == *name)) {
            let begin = match &after {
                Some((last, _)) if name < last => continue,
                Some((last, event)) if name == last => Some(*event),
                _ => None,
            };
            let page = self.bus.parked(name, begin, limit + 1 - listed.len()).await?;
            listed.extend(page.events.into_iter().map(|event| (name.clone(), event)));
            if listed.len() > limit {
                break;
            }
        }
        let more = listed.len() > limit;
        listed.truncate(limit);
        Ok((listed, more))
    }

    /// Gives a parked event back to its consumer.
    ///
    /// # Errors
    /// [`Error::QueueNotFound`], [`Error::NotParked`], [`Error::Unavailable`].
    pub async fn replay(&self, queue: &str, event: Uuid) -> Result<(), Error> {
        self.known(queue)?;
        if self.bus.replay(queue, event).await? { Ok(()) } else { Err(not_parked(queue, event)) }
    }

    /// Drops a parked event for good.
    ///
    /// # Errors
    /// As [`Parked::replay`].
    pub async fn discard(&self, queue: &str, event: Uuid) -> Result<(), Error> {
        self.known(queue)?;
        if self.bus.discard(queue, event).await? { Ok(()) } else { Err(not_parked(queue, event)) }
    }

    fn known(&self, queue: &str) -> Result<(), Error> {
        if self.queues.iter().any(|name| name == queue) {
            Ok(())
        } else {
            Err(Error::QueueNotFound(queue.to_owned()))
        }
    }
}

fn not_parked(queue: &str, event: Uuid) -> Error {
    Error::NotParked { queue: queue.to_owned(), event }
}

impl From<BusError> for Error {
    fn from(error: BusError) -> Self {
        match error {
            BusError::UnknownQueue(queue) => Self::QueueNotFound(queue),
            error @ BusError::Unavailable(_) => Self::Unavailable(error.into()),
        }
    }
}
