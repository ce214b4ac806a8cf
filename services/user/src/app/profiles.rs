//! Profiles: created in answer to an event, read through a cache, changed under an etag.

use std::sync::Arc;

use mesh_events::{Broadcast, Publisher};
use service_kit::{clock::Clock, requests::Request, whole::Whole};

use super::{CONTENTION_ATTEMPTS, Reading};
use crate::{
    cache::{Invalidator, ProfileCache},
    domain::{Profile, ProfileChange, UserId},
    error::Error,
    events,
    store::{Answer, Committed, Consistency, ReplaceProfile, Store, StoreError},
};

/// The use cases of profiles.
pub struct Profiles {
    store: Arc<dyn Store>,
    cache: ProfileCache,
    publisher: Publisher,
    clock: Clock,
    whole: Whole,
}

impl std::fmt::Debug for Profiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profiles").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Profiles {
    /// Use cases on `store`, read through `cache`, whose events go to `publisher` as soon as they are durable.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, cache: ProfileCache, publisher: Publisher, clock: Clock) -> Self {
        Self { store, cache, publisher, clock, whole: Whole::new() }
    }

    /// The task that keeps the cache coherent with what other replicas write.
    #[must_use]
    pub fn invalidator(&self, bus: Arc<dyn Broadcast>) -> Invalidator {
        Invalidator::new(self.cache.clone(), bus)
    }

    /// Creates the profile of a new user, unless there is one or the user is gone.
    ///
    /// # Errors
    /// When the store is unavailable.
    pub async fn create(&self, user: UserId) -> Result<(), StoreError> {
        self.store.ensure_profile(user, self.clock.now()).await.map(drop)
    }

    /// The profile of `user`.
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::Unavailable`].
    pub async fn get(&self, user: UserId) -> Result<Arc<Profile>, Error> {
        let found = self.cache.get(user).await.map_err(|error| Error::Unavailable(error.into()))?;
        found.ok_or(Error::UserNotFound(user))
    }

    /// The profile of `user`, new enough for `reading`: from the cache, or from the store when the cache does not do.
    ///
    /// # Errors
    /// As [`Profiles::get`].
    pub async fn read(&self, user: UserId, reading: &Reading) -> Result<Arc<Profile>, Error> {
        if reading.at(Consistency::Eventual) == Consistency::Eventual {
            let held = self.cache.get(user).await.map_err(|error| Error::Unavailable(error.into()))?;
            // The cache also remembers who is not there, which is version 0 of everybody.
            if reading.sees(user, held.as_ref().map_or(0, |profile| profile.version)) {
                return held.ok_or(Error::UserNotFound(user));
            }
        }
        let begun = self.cache.moment();
        let Some(found) = self.kept(user).await? else {
            // Whoever was just told that there is no such user must not be shown the profile next.
            self.cache.began(user).await;
            return Err(Error::UserNotFound(user));
        };
        self.cache.put(found.clone(), begun).await;
        Ok(Arc::new(found))
    }

    /// Changes a profile, if it still is at version `seen` (if one is given).
    ///
    /// # Errors
    /// [`Error::UserNotFound`], [`Error::Stale`], [`Error::RequestReused`], [`Error::Unavailable`].
    pub async fn update(
        &self,
        user: UserId,
        change: ProfileChange,
        seen: Option<u64>,
        request: Option<Request>,
    ) -> Result<Profile, Error> {
        if let Some(request) = &request
            && let Some(Answer::Profile(profile)) =
                self.store.recall(request).await.map_err(|error| Error::of_profile(error, user))?
        {
            // Another replica may have done it, and whoever is told that it is done must find it here.
            self.cache.outdated(user, profile.version).await;
            return Ok(profile);
        }
        let mut newest = 0;
        for _ in 0..CONTENTION_ATTEMPTS {
            // As the store has it: a change must build on the last one, not on a cached one.
            let current = self.kept(user).await?.ok_or(Error::UserNotFound(user))?;
            newest = current.version;
            if seen.is_some_and(|seen| seen != current.version) {
                break;
            }
            let profile = current.changed(&change, self.clock.now());
            let event = events::profile_updated(&profile);
            match self.commit(ReplaceProfile { profile, request: request.clone(), event }).await {
                Ok(profile) => return Ok(profile),
                Err(StoreError::Stale) => {}
                Err(error) => return Err(Error::of_profile(error, user)),
            }
        }
        // Whoever is told to read again must not be shown what was held before.
        self.cache.outdated(user, newest).await;
        Err(Error::of_profile(StoreError::Stale, user))
    }

    /// Commits a change and shows it to the cache before the answer: whoever hears of it must read it here.
    async fn commit(&self, command: ReplaceProfile) -> Result<Profile, StoreError> {
        let (store, cache, publisher) = (Arc::clone(&self.store), self.cache.clone(), self.publisher.clone());
        let (user, version) = (command.profile.user_id, command.profile.version);
        let work = async move {
            let (begun, event) = (cache.moment(), command.event.clone());
            match store.replace_profile(command).await {
                // What was answered before may be older than what is there now.
                Ok(Committed { value, replayed: true }) => {
                    cache.outdated(user, value.version).await;
                    Ok(value)
                }
                Ok(Committed { value, replayed: false }) => {
                    cache.put(value.clone(), begun).await;
                    publisher.offer(event);
                    Ok(value)
                }
                Err(error @ StoreError::Unavailable(_)) => {
                    // It may have happened, so what is held may be old.
                    cache.outdated(user, version).await;
                    Err(error)
                }
                Err(error) => Err(error),
            }
        };
        self.whole.run(work).await
    }

    /// Forgets what is cached of a user who was created under an id that somebody may have asked for before.
    pub async fn appeared(&self, user: UserId) {
        self.cache.began(user).await;
    }

    /// Forgets what is cached of a user who was deleted.
    pub async fn vanished(&self, user: UserId) {
        self.cache.vanished(user).await;
    }

    /// Waits for the changes and the reads under way; used while the service stops.
    pub async fn close(&self) {
        self.whole.close().await;
        self.cache.close().await;
    }

    /// The profile as the store has it; made now, as on its event, if the user exists and it does not.
    async fn kept(&self, user: UserId) -> Result<Option<Profile>, Error> {
        let found = match self.store.profile_at(user, Consistency::Strong).await {
            Ok(None) => self.store.ensure_profile(user, self.clock.now()).await,
            found => found,
        };
        found.map_err(|error| Error::of_profile(error, user))
    }
}
