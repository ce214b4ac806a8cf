//! Telling every instance at once, for what it keeps in memory.
//!
//! A [`Bus`](crate::Bus) queue is shared: one instance of a service gets an event, and gets it until it is done.
//! A cache needs the other half: every instance hears of every change, soon, and nobody keeps anything for
//! an instance that does not listen. What such an instance missed it cannot be told later, so it is told
//! *that* it may have missed something, and verifies what it holds.

use async_trait::async_trait;

use crate::{BusError, Envelope, EventKind};

/// Tells every instance, at most once and only while it listens: for caches, never for effects.
///
/// # Contract
/// - **Whoever listens hears of every event of its kinds** that is published from the moment of its latest
///   [`Announcement::Resumed`] to the next [`Announcement::Interrupted`], also of those that no queue is bound to.
///   An event may come twice, late, and behind a newer one of the same subject.
/// - **A gap is told.** Before the first event behind a gap stands a [`Announcement::Resumed`].
/// - **Bounded.** Announcements that a slow listener does not take are dropped at the bus's bound, which is a gap.
#[async_trait]
pub trait Broadcast: Send + Sync + 'static {
    /// Listens to these kinds from now on. `listener` names the instance's own queue, for example
    /// `cache.user.<uuid>`: two listeners of one name are a mistake that a bus need not notice.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when the bus cannot be told at all. A bus that is out of reach for now may also
    /// answer `Ok` and say [`Announcement::Interrupted`] first.
    async fn listen(&self, listener: &str, kinds: &[EventKind]) -> Result<Box<dyn Announcements>, BusError>;
}

/// What one listener hears. Dropping it ends the listening.
#[async_trait]
pub trait Announcements: Send {
    /// The next announcement; `None`: closed for good. Giving up the wait loses nothing.
    async fn next(&mut self) -> Option<Announcement>;
}

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// Something happened.
    Event(Envelope),
    /// Listening, for the first time or again: the instance's queue is bound and consumed, so nothing published from
    /// here on is missed. What was published before may have been.
    Resumed,
    /// Nothing is heard at present. It need not be told for a gap that is already over.
    Interrupted,
}
