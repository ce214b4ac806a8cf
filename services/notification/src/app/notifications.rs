//! Notifications: take on, find, list, watch.

use std::{collections::BTreeMap, sync::Arc};

use service_kit::{clock::Clock, error::Violation, requests::Request};
use uuid::Uuid;

use super::{Feed, Tray, Watch};
use crate::{
    domain::{Content, Notification, NotificationId, Receipt, Recipient},
    error::Error,
    store::{ListKey, NotificationStore},
    templates::{TemplateError, Templates, WELCOME},
};

/// What a caller wants sent.
#[derive(Clone, Debug)]
pub struct Order {
    /// To whom.
    pub user_id: Uuid,
    /// Their address.
    pub recipient: Recipient,
    /// What to say.
    pub content: Content,
}

/// The use cases of notifications.
#[derive(Clone)]
pub struct Notifications {
    store: Arc<dyn NotificationStore>,
    templates: Arc<Templates>,
    feed: Feed,
    /// To the courier.
    tray: Tray,
    clock: Clock,
}

impl std::fmt::Debug for Notifications {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifications").finish_non_exhaustive()
    }
}

impl Notifications {
    /// Use cases on `store`; what is taken on goes to the courier by `tray`.
    #[must_use]
    pub fn new(
        store: Arc<dyn NotificationStore>,
        templates: Arc<Templates>,
        feed: Feed,
        tray: Tray,
        clock: Clock,
    ) -> Self {
        Self { store, templates, feed, tray, clock }
    }

    /// The content, if something can be written from it, so that a caller hears of a wrong template together
    /// with everything else that is wrong.
    ///
    /// # Errors
    /// What the caller got wrong: the template is unknown or misses a parameter.
    pub fn check(&self, content: Content) -> Result<Content, Vec<Violation>> {
        match self.subject(&content).map_err(Error::from) {
            Err(Error::Invalid(violations)) => Err(violations),
            // A template that is itself broken is no fault of the caller's; taking the notification on tells it.
            Ok(_) | Err(_) => Ok(content),
        }
    }

    /// Takes a notification on.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the template is unknown or misses a parameter, [`Error::Template`] when it does
    /// not work, [`Error::RequestReused`], [`Error::Unavailable`].
    pub async fn send(&self, order: Order, request: Option<Request>) -> Result<Notification, Error> {
        // The content is part of the id: once a request is forgotten, its name may be given to another message,
        // which must not be taken for the first one.
        let derived =
            |request: &Request| NotificationId::derived(&[request.key, request.fingerprint].concat());
        let id = request.as_ref().map_or_else(NotificationId::random, derived);
        self.take_on(id, order, request).await
    }

    /// Takes on the welcome mail of a user who was created by `event`, unless it was taken on before.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn welcome(&self, event: Uuid, user_id: Uuid, recipient: Recipient) -> Result<(), Error> {
        let parameters = BTreeMap::from([("email".to_owned(), recipient.as_str().to_owned())]);
        let content = Content::Template { name: WELCOME.to_owned(), parameters };
        let id = NotificationId::of_event(event, "welcome-mail");
        self.take_on(id, Order { user_id, recipient, content }, None).await.map(drop)
    }

    /// Takes on the receipt for `event`, unless it was taken on before.
    ///
    /// # Errors
    /// As [`Notifications::welcome`].
    pub async fn receipt(&self, event: Uuid, receipt: Receipt, recipient: Recipient) -> Result<(), Error> {
        let id = NotificationId::of_event(event, receipt.template);
        let order = Order { user_id: receipt.user, recipient, content: receipt.content() };
        self.take_on(id, order, None).await.map(drop)
    }

    async fn take_on(
        &self,
        id: NotificationId,
        order: Order,
        request: Option<Request>,
    ) -> Result<Notification, Error> {
        let Order { user_id, recipient, content } = order;
        let subject = self.subject(&content)?;
        let notification = Notification::new(id, user_id, recipient, content, subject, self.clock.now());
        let arrival = self.feed.arrival(id);
        let place = self.tray.place();
        let enqueued = self.store.enqueue(notification, request, place.is_some()).await?;
        // From here to the tray nothing waits: what is leased is not forgotten by a call that is given up.
        if !enqueued.replayed {
            arrival.tell(&enqueued.notification);
            match place.filter(|_| enqueued.held) {
                Some(place) => place.put(enqueued.notification.clone()),
                None => self.tray.ring(),
            }
        }
        Ok(enqueued.notification)
    }

    fn subject(&self, content: &Content) -> Result<String, TemplateError> {
        match content {
            Content::Template { name, parameters } => self.templates.subject(name, parameters),
            Content::Text(text) => Ok(text.subject().to_owned()),
        }
    }

    /// The notification under this id.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unavailable`].
    pub async fn get(&self, id: NotificationId) -> Result<Notification, Error> {
        self.store.notification(id).await?.ok_or(Error::NotFound(id))
    }

    /// Up to `limit` notifications of a user, newest first, and whether there are more.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list(
        &self,
        user: Uuid,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<(Vec<Notification>, bool), Error> {
        let mut listed = self.store.list(user, after, limit + 1).await?;
        let more = listed.len() > limit;
        listed.truncate(limit);
        Ok((listed, more))
    }

    /// Watches changes from now on.
    #[must_use]
    pub fn watch(&self, user: Option<Uuid>) -> Watch {
        self.feed.watch(user)
    }
}
