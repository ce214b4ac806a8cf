//! The cache of profiles: what is read most, for up to an hour, and never older than this service's own
//! last write. What other replicas write is heard of by the [`Invalidator`].

mod invalidator;

use std::{error::Error, fmt, sync::Arc};

use async_trait::async_trait;
pub use invalidator::Invalidator;
use service_kit::{
    cache::{CacheConfig, LoadError, Loader, Moment, Read, ReadThrough, Stats, Versioned},
    clock::Clock,
};

use crate::{
    domain::{Profile, UserId},
    store::{Consistency, Store},
};

/// Profiles, read through to the store.
#[derive(Clone)]
pub struct ProfileCache(ReadThrough<UserId, Profile>);

impl ProfileCache {
    /// An empty cache over `store`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, clock: Clock, config: CacheConfig) -> Self {
        Self(ReadThrough::new(config, Arc::new(FromStore { store, clock })))
    }

    /// The profile of `user`, or `None` if there is no such user.
    ///
    /// # Errors
    /// When nothing is held and the store does not answer.
    pub async fn get(&self, user: UserId) -> Result<Option<Arc<Profile>>, LoadError> {
        self.0.get(&user).await
    }

    /// This moment: to be taken before a commit, or a strong read, whose outcome is then [`ProfileCache::put`].
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.0.moment()
    }

    /// Holds what was just committed or read, since `begun`.
    pub async fn put(&self, profile: Profile, begun: Moment) {
        let user = profile.user_id;
        self.0.put(&user, Versioned { version: profile.version, value: profile }, begun).await;
    }

    /// Forgets what is older than `version` of the profile: there is, or may be, something newer.
    pub async fn outdated(&self, user: UserId, version: u64) {
        self.0.invalidate(&user, version).await;
    }

    /// Forgets a user who is gone for good.
    pub async fn vanished(&self, user: UserId) {
        self.0.invalidate(&user, u64::MAX).await;
    }

    /// Forgets whatever is held of a user who begins now, under an id that somebody may have asked for before, or that
    /// somebody may have had before, with higher versions.
    pub async fn began(&self, user: UserId) {
        self.0.forget(&user).await;
    }

    /// Forgets that there was no such user.
    pub async fn exists(&self, user: UserId) {
        self.0.forget_absence(&user).await;
    }

    /// What others write goes unheard from now on.
    pub fn interrupted(&self) {
        self.0.interrupted();
    }

    /// What others write is heard of from now on, and what they wrote before may have gone unheard.
    pub fn resumed(&self) {
        self.0.resumed();
    }

    /// What happened so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Waits for the loads in flight and starts no more.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

impl fmt::Debug for ProfileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

struct FromStore {
    store: Arc<dyn Store>,
    clock: Clock,
}

#[async_trait]
impl Loader<UserId, Profile> for FromStore {
    /// Between the creation of a user and the arrival of its event there is no profile yet. A reader who is that
    /// early does the consumer's work, which comes out the same no matter who does it, rather than hear that a user
    /// who exists has none.
    async fn load(
        &self,
        user: &UserId,
        read: Read,
    ) -> Result<Option<Versioned<Profile>>, Box<dyn Error + Send + Sync>> {
        // Never less than strong: an old value would be held for an hour.
        let consistency = match read {
            Read::Usual => Consistency::Strong,
            Read::Strong => Consistency::Linearizable,
        };
        let found = match self.store.profile_at(*user, consistency).await? {
            Some(profile) => Some(profile),
            None => self.store.ensure_profile(*user, self.clock.now()).await?,
        };
        Ok(found.map(|profile| Versioned { version: profile.version, value: profile }))
    }

    fn weight(&self, _user: &UserId, profile: &Profile) -> usize {
        let attributes = profile.attributes.entries().iter().map(|(key, value)| key.len() + value.len() + 48);
        size_of::<Profile>()
            + profile.display_name.as_str().len()
            + profile.locale.as_str().len()
            + attributes.sum::<usize>()
    }
}
