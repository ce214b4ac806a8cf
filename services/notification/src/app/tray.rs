//! The tray: what was taken on here, handed to the courier past the queue.
//!
//! A mail that is sent by the instance that took it on needs no claim. So whoever takes one on asks for a place first,
//! has the store lease it with the place, and puts it there; without a place it is left in the queue for anybody.

use std::sync::Arc;

use tokio::{
    sync::{
        Mutex, Notify,
        mpsc::{self, Permit},
    },
    time::Instant,
};

use crate::{domain::Notification, mail::Pace, store::HOLD_MAX};

/// Between those who take notifications on and the courier. Clones share it.
#[derive(Clone, Debug)]
pub struct Tray(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    places: mpsc::Sender<Held>,
    /// Of the courier's lanes, one at a time.
    held: Mutex<mpsc::Receiver<Held>>,
    /// Rung when there is something in the queue.
    bell: Notify,
}

/// A notification that this instance has leased.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) notification: Notification,
    /// Before it was leased, however long that took.
    since: Instant,
}

impl Held {
    /// Whether its try may still begin.
    pub(super) fn is_in_time(&self) -> bool {
        self.since.elapsed() < HOLD_MAX
    }
}

/// A place in the tray, for one notification.
#[derive(Debug)]
pub(super) struct Place<'a> {
    permit: Permit<'a, Held>,
    since: Instant,
}

impl Place<'_> {
    pub(super) fn put(self, notification: Notification) {
        self.permit.send(Held { notification, since: self.since });
    }
}

impl Tray {
    /// A tray for a courier of this pace: as many places as it sends at once.
    #[must_use]
    pub fn new(pace: Pace) -> Self {
        let (places, held) = mpsc::channel((pace.batch * pace.lanes).max(1));
        Self(Arc::new(Inner { places, held: Mutex::new(held), bell: Notify::new() }))
    }

    /// A place, if one is free and the courier is not about to stop.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        let permit = self.0.places.try_reserve().ok()?;
        Some(Place { permit, since: Instant::now() })
    }

    /// Tells the courier that there is something in the queue.
    pub fn ring(&self) {
        self.0.bell.notify_one();
    }

    /// Waits until it is told so.
    pub(super) async fn rung(&self) {
        self.0.bell.notified().await;
    }

    /// Waits for what is in the tray, and takes up to `many`; nothing once it is closed, empty, and all places are back.
    /// Nothing is lost if the wait is given up.
    pub(super) async fn take(&self, many: usize) -> Vec<Held> {
        let mut taken = Vec::new();
        self.0.held.lock().await.recv_many(&mut taken, many).await;
        taken
    }

    /// Gives out no more places.
    pub(super) async fn close(&self) {
        self.0.held.lock().await.close();
    }
}

#[cfg(test)]
mod tests {
    use service_kit::clock::UnixMillis;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{Content, NotificationId, Recipient, Text};

    const PACE: Pace = Pace { batch: 2, lanes: 1 };

    fn notification() -> Notification {
        let content = Content::Text(Text::restore("s".to_owned(), "b".to_owned()));
        let (id, recipient) = (NotificationId::random(), Recipient::restore("a@b.de".to_owned()));
        Notification::new(id, Uuid::nil(), recipient, content, "s".to_owned(), UnixMillis(1_000))
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_as_many_places_as_the_courier_sends_at_once() {
        let tray = Tray::new(PACE);
        let first = notification();
        tray.place().unwrap().put(first.clone());
        let unused = tray.place();
        assert!(unused.is_some() && tray.place().is_none());
        drop(unused);
        tray.place().unwrap().put(notification());
        let taken = tray.take(1).await;
        assert_eq!(taken.iter().map(|held| held.notification.id).collect::<Vec<_>>(), [first.id]);
        assert!(tray.place().is_some(), "what was taken out makes room");
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_waited_too_long_since_it_was_to_be_leased_is_not_begun() {
        let tray = Tray::new(PACE);
        let place = tray.place().unwrap();
        tokio::time::advance(HOLD_MAX - std::time::Duration::from_millis(1)).await;
        place.put(notification());
        tray.place().unwrap().put(notification());
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
        let in_time: Vec<_> = tray.take(2).await.iter().map(Held::is_in_time).collect();
        assert_eq!(in_time, [false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tray_that_is_closed_is_empty_once_all_places_are_back() {
        let tray = Tray::new(PACE);
        let (place, unused) = (tray.place().unwrap(), tray.place().unwrap());
        tray.close().await;
        drop(unused);
        assert!(tray.place().is_none());
        let soon = std::time::Duration::from_secs(1);
        assert!(tokio::time::timeout(soon, tray.take(2)).await.is_err(), "one is still out");
        place.put(notification());
        assert_eq!(tray.take(2).await.len(), 1);
        assert_eq!(tray.take(2).await.len(), 0);
    }
}
