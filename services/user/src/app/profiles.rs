//! Profiles: created in answer to an event, read through a cache, changed under an etag.

use std::sync::Arc;

use service_kit::{clock::Clock, requests::Request, whole::Whole};

use super::CONTENTION_ATTEMPTS;
use crate::{
    cache::ProfileCache,
    domain::{Profile, ProfileChange, UserId},
    error::Error,
    store::{Answer, Committed, ReplaceProfile, Store, StoreError},
};

/// The use cases of profiles.
pub struct Profiles {
    store: Arc<dyn Store>,
    cache: ProfileCache,
    clock: Clock,
    whole: Whole,
}

impl std::fmt::Debug for Profiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profiles").field("cache", &self.cache).finish_non_exhaustive()
    }
}

impl Profiles {
    /// Use cases on `store`, read through `cache`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, cache: ProfileCache, clock: Clock) -> Self {
        Self { store, cache, clock, whole: Whole::new() }
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
            return Ok(profile);
        }
        for _ in 0..CONTENTION_ATTEMPTS {
            let current = self.current(user).await?;
            if seen.is_some_and(|seen| seen != current.version) {
                break;
            }
            let profile = current.changed(&change, self.clock.now());
            match self.commit(ReplaceProfile { profile, request: request.clone() }).await {
                Ok(profile) => return Ok(profile),
                Err(StoreError::Stale) => {}
                Err(error) => return Err(Error::of_profile(error, user)),
            }
        }
        Err(Error::of_profile(StoreError::Stale, user))
    }

    /// Commits a change and shows it to the cache before the answer: whoever hears of it must read it here.
    async fn commit(&self, command: ReplaceProfile) -> Result<Profile, StoreError> {
        let (store, cache) = (Arc::clone(&self.store), self.cache.clone());
        let (user, version) = (command.profile.user_id, command.profile.version);
        let work = async move {
            match store.replace_profile(command).await {
                // What was answered before may be older than what is there now.
                Ok(Committed { value, replayed: true }) => Ok(value),
                Ok(Committed { value, replayed: false }) => {
                    cache.put(value.clone()).await;
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
        self.cache.outdated(user, 1).await;
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

    /// The profile as the store has it: a change must build on the last one, not on a cached one.
    async fn current(&self, user: UserId) -> Result<Profile, Error> {
        let found = self.store.profile(user).await.map_err(|error| Error::of_profile(error, user))?;
        match found {
            Some(profile) => Ok(profile),
            None => Ok(Profile::clone(&*self.get(user).await?)),
        }
    }
}
