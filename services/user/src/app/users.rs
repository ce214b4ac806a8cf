//! Users: create, find, change, delete.

use std::sync::Arc;

use mesh_events::Publisher;
use service_kit::{clock::Clock, requests::Request, whole::Whole};

use super::{CONTENTION_ATTEMPTS, Profiles, Reading};
use crate::{
    domain::{DisplayName, Email, Locale, User, UserChange, UserId},
    error::Error,
    events,
    store::{Answer, Committed, Consistency, CreateUser, DeleteUser, ReplaceUser, Store, StoreError},
};

/// Who shall be a user.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Their address.
    pub email: Email,
    /// Their name.
    pub display_name: DisplayName,
    /// Their language, if known.
    pub locale: Locale,
}

/// The use cases of users.
#[derive(Clone)]
pub struct Users {
    store: Arc<dyn Store>,
    profiles: Arc<Profiles>,
    publisher: Publisher,
    clock: Clock,
    whole: Whole,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

impl Users {
    /// Use cases on `store`, whose events go to `publisher` as soon as they are durable.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, profiles: Arc<Profiles>, publisher: Publisher, clock: Clock) -> Self {
        Self { store, profiles, publisher, clock, whole: Whole::new() }
    }

    /// Creates a user.
    ///
    /// # Errors
    /// [`Error::EmailTaken`], [`Error::RequestReused`], [`Error::Unavailable`].
    pub async fn create(&self, new: NewUser, request: Option<Request>) -> Result<User, Error> {
        let Some(request) = request else {
            let id = UserId::random();
            let created = self.create_as(id, new, None).await;
            return created.map(|created| created.value).map_err(|error| Error::of_user(error, id));
        };
        let id = UserId::derived(&[request.key, request.fingerprint].concat());
        let users = self.clone();
        let work = async move {
            let created = users.create_as(id, new, Some(request)).await;
            // Somebody who repeats the request may have asked for this id before it was anybody's.
            users.profiles.appeared(id).await;
            created
        };
        let created = self.whole.run(work).await;
        created.map(|created| created.value).map_err(|error| Error::of_user(error, id))
    }

    /// Creates a user under an id that the caller has chosen.
    pub(super) async fn create_as(
        &self,
        id: UserId,
        new: NewUser,
        request: Option<Request>,
    ) -> Result<Committed<User>, StoreError> {
        let now = self.clock.now();
        let NewUser { email, display_name, locale } = new;
        let user = User { id, email, display_name, locale, version: 1, created: now, updated: now };
        let event = events::created(&user);
        let committed = self.store.create_user(CreateUser { user, request, event: event.clone() }).await?;
        self.tell(&committed, event);
        Ok(committed)
    }

    /// The user with this id.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::Unavailable`].
    pub async fn get(&self, id: UserId, reading: &Reading) -> Result<User, Error> {
        let found = self.read(&[id], reading, Consistency::Strong).await?;
        found.into_iter().next().flatten().ok_or(Error::UserNotFound(id))
    }

    /// The user with this address.
    ///
    /// # Errors
    /// [`Error::EmailNotFound`], [`Error::Unavailable`].
    pub async fn get_by_email(&self, email: &Email, reading: &Reading) -> Result<User, Error> {
        let read = async |at| self.store.user_by_email_at(email.normal(), at).await.map_err(unavailable);
        let mut found = read(reading.at(Consistency::Strong)).await?;
        if found.as_ref().is_some_and(|user| !reading.sees_only(user.id, user.version)) {
            found = read(Consistency::Strong).await?;
        }
        found.ok_or(Error::EmailNotFound)
    }

    /// The users with these ids, each in the place of its id.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn batch(&self, ids: &[UserId], reading: &Reading) -> Result<Vec<Option<User>>, Error> {
        self.read(ids, reading, Consistency::Eventual).await
    }

    async fn read(
        &self,
        ids: &[UserId],
        reading: &Reading,
        default: Consistency,
    ) -> Result<Vec<Option<User>>, Error> {
        let at = reading.at(default);
        let mut found = self.store.users_at(ids, at).await.map_err(unavailable)?;
        let is_old = |user: &User| !reading.sees(user.id, user.version);
        let old: Vec<_> = (0..found.len()).filter(|&i| found[i].as_ref().is_some_and(is_old)).collect();
        if at == Consistency::Eventual && !old.is_empty() {
            let again: Vec<_> = old.iter().map(|&i| ids[i]).collect();
            let newer = self.store.users_at(&again, Consistency::Strong).await.map_err(unavailable)?;
            for (i, user) in old.into_iter().zip(newer) {
                found[i] = user;
            }
        }
        Ok(found)
    }

    /// Up to `limit` users after `after`, and whether there are more.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list(
        &self,
        after: Option<UserId>,
        limit: usize,
        asked: Option<Consistency>,
    ) -> Result<(Vec<User>, bool), Error> {
        let at = asked.unwrap_or(Consistency::Eventual);
        let mut users = self.store.list_users_at(after, limit + 1, at).await.map_err(unavailable)?;
        let more = users.len() > limit;
        users.truncate(limit);
        Ok((users, more))
    }

    /// Changes a user, if it still is at version `seen` (if one is given).
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::Stale`], [`Error::EmailTaken`], [`Error::RequestReused`],
    /// [`Error::Unavailable`].
    pub async fn update(
        &self,
        id: UserId,
        change: UserChange,
        seen: Option<u64>,
        request: Option<Request>,
    ) -> Result<User, Error> {
        if let Some(Answer::User(user)) = self.recall(id, request.as_ref()).await? {
            return Ok(user);
        }
        let mut last = StoreError::Stale;
        for _ in 0..CONTENTION_ATTEMPTS {
            let current = self.current(id).await?;
            if seen.is_some_and(|seen| seen != current.version) {
                break;
            }
            let user = current.changed(&change, self.clock.now());
            let event = events::updated(&user);
            let command = ReplaceUser { user, request: request.clone(), event: event.clone() };
            match self.store.replace_user(command).await {
                Ok(committed) => {
                    self.tell(&committed, event);
                    return Ok(committed.value);
                }
                Err(StoreError::Stale) => last = StoreError::Stale,
                Err(error) => return Err(Error::of_user(error, id)),
            }
        }
        Err(Error::of_user(last, id))
    }

    /// Deletes a user, if it still is at version `seen` (if one is given). Answers the version at which it is gone;
    /// the highest there is, when this request had been answered before.
    ///
    /// # Errors
    /// As [`Users::update`].
    pub async fn delete(
        &self,
        id: UserId,
        seen: Option<u64>,
        request: Option<Request>,
    ) -> Result<u64, Error> {
        if self.recall(id, request.as_ref()).await?.is_some() {
            // Another replica may have done it, and whoever is told that it is done must find it so here.
            self.profiles.vanished(id).await;
            return Ok(u64::MAX);
        }
        for _ in 0..CONTENTION_ATTEMPTS {
            let current = self.current(id).await?;
            if seen.is_some_and(|seen| seen != current.version) {
                break;
            }
            let now = self.clock.now();
            let event = events::deleted(&current, now);
            let command = DeleteUser {
                id,
                expected: current.version,
                now,
                request: request.clone(),
                event: event.clone(),
            };
            let users = self.clone();
            let work = async move {
                let deleted = users.store.delete_user(command).await;
                if matches!(deleted, Ok(_) | Err(StoreError::Unavailable(_))) {
                    users.profiles.vanished(id).await;
                }
                deleted
            };
            match self.whole.run(work).await {
                Ok(committed) => {
                    self.tell(&committed, event);
                    return Ok(if committed.replayed { u64::MAX } else { current.version + 1 });
                }
                Err(StoreError::Stale) => {}
                Err(error) => return Err(Error::of_user(error, id)),
            }
        }
        Err(Error::of_user(StoreError::Stale, id))
    }

    /// The user as a change must build on it.
    async fn current(&self, id: UserId) -> Result<User, Error> {
        self.get(id, &Reading::default()).await
    }

    async fn recall(&self, id: UserId, request: Option<&Request>) -> Result<Option<Answer>, Error> {
        match request {
            None => Ok(None),
            Some(request) => self.store.recall(request).await.map_err(|error| Error::of_user(error, id)),
        }
    }

    /// Waits for the changes under way; used while the service stops.
    pub async fn close(&self) {
        self.whole.close().await;
    }

    /// Hands a durable event to the relay, unless an earlier attempt of the same request did.
    fn tell<T>(&self, committed: &Committed<T>, event: mesh_events::Envelope) {
        if !committed.replayed {
            self.publisher.offer(event);
        }
    }
}

fn unavailable(error: StoreError) -> Error {
    Error::Unavailable(error.into())
}
