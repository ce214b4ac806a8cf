//! Who watches: every change of state, told to whoever listens now.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::broadcast;
use uuid::Uuid;

use crate::{
    domain::{Notification, NotificationId, State},
    error::Error,
};

/// Changes that a watcher may be behind before it is told that it lost some.
const BEHIND_MAX: usize = 1_024;

/// Tells changes to watchers, those of one notification in the order in which they happened.
#[derive(Clone, Debug)]
pub struct Feed {
    changes: broadcast::Sender<Arc<Notification>>,
    /// What is being taken on, at most one entry per call under way. The courier may come upon a notification
    /// between its commit and the end of that call; whoever is first tells, under this lock, that it is queued.
    arriving: Arc<Mutex<HashMap<NotificationId, Arriving>>>,
}

#[derive(Debug, Default)]
struct Arriving {
    calls: usize,
    is_told: bool,
}

impl Default for Feed {
    fn default() -> Self {
        Self { changes: broadcast::Sender::new(BEHIND_MAX), arriving: Arc::default() }
    }
}

impl Feed {
    /// Tells a change; costs next to nothing while nobody watches.
    pub fn tell(&self, notification: &Notification) {
        if self.changes.receiver_count() > 0 {
            // The only error is that the last watcher has just left.
            let _ = self.changes.send(Arc::new(notification.clone()));
        }
    }

    /// Tells that a notification is being sent, and before that, if nobody did so yet, that it is queued.
    pub(super) fn tell_sending(&self, sending: &Notification) {
        let mut arriving = self.arriving();
        let arriving = arriving.get_mut(&sending.id).filter(|arriving| !arriving.is_told);
        if let Some(arriving) = arriving.filter(|_| sending.attempts == 0) {
            arriving.is_told = true;
            self.tell(&Notification { state: State::Queued, updated: sending.created, ..sending.clone() });
        }
        self.tell(sending);
    }

    /// Begins to take on the notification under this id, if it is new.
    pub(super) fn arrival(&self, id: NotificationId) -> Arrival<'_> {
        self.arriving().entry(id).or_default().calls += 1;
        Arrival { feed: self, id }
    }

    fn arriving(&self) -> MutexGuard<'_, HashMap<NotificationId, Arriving>> {
        self.arriving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the changes of one user's notifications, or of everybody's, from now on.
    #[must_use]
    pub fn watch(&self, user: Option<Uuid>) -> Watch {
        Watch { changes: self.changes.subscribe(), user }
    }
}

/// A call that takes a notification on, until it is dropped.
#[derive(Debug)]
pub(super) struct Arrival<'a> {
    feed: &'a Feed,
    id: NotificationId,
}

impl Arrival<'_> {
    /// Tells that the notification is queued, unless the courier was faster.
    pub(super) fn tell(&self, queued: &Notification) {
        let mut arriving = self.feed.arriving();
        if let Some(arriving) = arriving.get_mut(&self.id).filter(|arriving| !arriving.is_told) {
            arriving.is_told = true;
            self.feed.tell(queued);
        }
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        let mut arriving = self.feed.arriving();
        if let Some(entry) = arriving.get_mut(&self.id) {
            entry.calls -= 1;
            if entry.calls == 0 {
                arriving.remove(&self.id);
            }
        }
    }
}

/// A watcher.
#[derive(Debug)]
pub struct Watch {
    changes: broadcast::Receiver<Arc<Notification>>,
    user: Option<Uuid>,
}

impl Watch {
    /// The next change; `None` when the service stops.
    ///
    /// # Errors
    /// [`Error::WatchLagged`] when the watcher read too slowly.
    pub async fn next(&mut self) -> Result<Option<Arc<Notification>>, Error> {
        loop {
            match self.changes.recv().await {
                Ok(change) if self.user.is_none_or(|user| user == change.user_id) => return Ok(Some(change)),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
                Err(broadcast::error::RecvError::Lagged(lost)) => return Err(Error::WatchLagged { lost }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use service_kit::clock::UnixMillis;

    use super::*;
    use crate::domain::{Content, Recipient, Text};

    fn queued() -> Notification {
        let content = Content::Text(Text::restore("s".to_owned(), "b".to_owned()));
        let (id, recipient) = (NotificationId::random(), Recipient::restore("a@b.de".to_owned()));
        Notification::new(id, Uuid::nil(), recipient, content, "s".to_owned(), UnixMillis(1_000))
    }

    #[tokio::test]
    async fn whoever_is_first_tells_that_a_notification_is_queued() {
        let feed = Feed::default();
        let queued = queued();
        let sending = queued.clone().sending(UnixMillis(2_000));
        for courier_is_first in [true, false] {
            let mut watch = feed.watch(None);
            let arrival = feed.arrival(queued.id);
            if courier_is_first {
                feed.tell_sending(&sending);
                arrival.tell(&queued);
            } else {
                arrival.tell(&queued);
                feed.tell_sending(&sending);
            }
            for expected in [&queued, &sending] {
                assert_eq!(watch.next().await.unwrap().as_deref(), Some(expected));
            }
            assert!(watch.changes.is_empty());
        }
    }

    #[test]
    fn what_has_arrived_is_forgotten_with_the_last_call() {
        let (feed, id) = (Feed::default(), NotificationId::random());
        let (first, second) = (feed.arrival(id), feed.arrival(id));
        drop(first);
        assert_eq!(feed.arriving().len(), 1);
        drop(second);
        assert!(feed.arriving().is_empty());
    }
}
