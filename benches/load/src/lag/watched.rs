//! The services' stores and outbox, with a note of every step that they see.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mesh_events::{Envelope, Outbox, OutboxError, OutboxKey};
use notification::{
    domain::{Notification, NotificationId, Verdict},
    store::{Enqueued, ListKey, NotificationStore, StoreError as NotificationError},
};
use service_kit::{clock::UnixMillis, requests::Request};
use user::{
    domain::{Profile, Session, TokenHash, User, UserId},
    store::{
        Answer, Committed, Consistency, CreateUser, DeleteUser, ProfileStore, ReplaceProfile, ReplaceUser,
        SessionStore, Store, StoreError, UserStore,
    },
};
use uuid::Uuid;

use super::journey::{Journeys, Step};

/// Something whose calls are noted.
pub(super) struct Watched<T: ?Sized> {
    pub(super) inner: Arc<T>,
    pub(super) journeys: Arc<Journeys>,
}

#[async_trait]
impl UserStore for Watched<dyn Store> {
    async fn create_user(&self, command: CreateUser) -> Result<Committed<User>, StoreError> {
        let (user, event) = (command.user.id.0, command.event.id);
        let created = self.inner.create_user(command).await?;
        self.journeys.is_about(event, user);
        self.journeys.step(user, Step::Committed);
        Ok(created)
    }

    async fn replace_user(&self, command: ReplaceUser) -> Result<Committed<User>, StoreError> {
        self.inner.replace_user(command).await
    }

    async fn delete_user(&self, command: DeleteUser) -> Result<Committed<()>, StoreError> {
        self.inner.delete_user(command).await
    }

    async fn users_at(
        &self,
        ids: &[UserId],
        consistency: Consistency,
    ) -> Result<Vec<Option<User>>, StoreError> {
        self.inner.users_at(ids, consistency).await
    }

    async fn user_by_email_at(
        &self,
        normal: &str,
        consistency: Consistency,
    ) -> Result<Option<User>, StoreError> {
        self.inner.user_by_email_at(normal, consistency).await
    }

    async fn list_users_at(
        &self,
        after: Option<UserId>,
        limit: usize,
        consistency: Consistency,
    ) -> Result<Vec<User>, StoreError> {
        self.inner.list_users_at(after, limit, consistency).await
    }

    async fn recall(&self, request: &Request) -> Result<Option<Answer>, StoreError> {
        self.inner.recall(request).await
    }
}

#[async_trait]
impl ProfileStore for Watched<dyn Store> {
    async fn ensure_profile(&self, user: UserId, now: UnixMillis) -> Result<Option<Profile>, StoreError> {
        self.journeys.step(user.0, Step::ProfileBegun);
        let profile = self.inner.ensure_profile(user, now).await?;
        self.journeys.step(user.0, Step::Profiled);
        Ok(profile)
    }

    async fn profile_at(
        &self,
        user: UserId,
        consistency: Consistency,
    ) -> Result<Option<Profile>, StoreError> {
        self.inner.profile_at(user, consistency).await
    }

    async fn replace_profile(&self, command: ReplaceProfile) -> Result<Committed<Profile>, StoreError> {
        self.inner.replace_profile(command).await
    }
}

#[async_trait]
impl SessionStore for Watched<dyn Store> {
    async fn open_session(&self, token: TokenHash, session: Session) -> Result<(), StoreError> {
        self.inner.open_session(token, session).await
    }

    async fn session(&self, token: TokenHash) -> Result<Option<Session>, StoreError> {
        self.inner.session(token).await
    }

    async fn end_session(&self, token: TokenHash) -> Result<(), StoreError> {
        self.inner.end_session(token).await
    }
}

#[async_trait]
impl NotificationStore for Watched<dyn NotificationStore> {
    async fn enqueue(
        &self,
        notification: Notification,
        request: Option<Request>,
        hold: bool,
    ) -> Result<Enqueued, NotificationError> {
        let user = notification.user_id;
        self.journeys.step(user, Step::WelcomeBegun);
        let enqueued = self.inner.enqueue(notification, request, hold).await?;
        self.journeys.step(user, Step::Welcomed);
        Ok(enqueued)
    }

    async fn notification(&self, id: NotificationId) -> Result<Option<Notification>, NotificationError> {
        self.inner.notification(id).await
    }

    async fn list(
        &self,
        user: Uuid,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Notification>, NotificationError> {
        self.inner.list(user, after, limit).await
    }

    async fn claim(&self, now: UnixMillis, limit: usize) -> Result<Vec<Notification>, NotificationError> {
        self.inner.claim(now, limit).await
    }

    async fn settle(
        &self,
        tried: Vec<(NotificationId, Verdict)>,
        now: UnixMillis,
    ) -> Result<Vec<Notification>, NotificationError> {
        self.inner.settle(tried, now).await
    }

    async fn release(&self, untried: Vec<NotificationId>) {
        self.inner.release(untried).await;
    }

    async fn next_due(&self) -> Result<Option<UnixMillis>, NotificationError> {
        self.inner.next_due().await
    }
}

#[async_trait]
impl Outbox for Watched<dyn Outbox> {
    async fn pending(
        &self,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) -> Result<Vec<Envelope>, OutboxError> {
        self.inner.pending(older_than, after, limit).await
    }

    async fn mark_published(&self, keys: &[OutboxKey]) -> Result<(), OutboxError> {
        self.journeys.step_of(keys.iter().map(|key| key.id), Step::Marking);
        self.inner.mark_published(keys).await
    }
}
