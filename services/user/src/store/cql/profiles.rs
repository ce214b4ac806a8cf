//! Commands and queries on profiles.

use async_trait::async_trait;
use service_kit::{clock::UnixMillis, cql::CqlError};

use super::{
    CqlStore,
    partition::Partition,
    users::enough,
    write::{Change, Verdict},
};
use crate::{
    domain::{Profile, UserId},
    store::{Answer, Committed, Consistency, ProfileStore, ReplaceProfile, StoreError},
};

#[async_trait]
impl ProfileStore for CqlStore {
    async fn ensure_profile(&self, user: UserId, now: UnixMillis) -> Result<Option<Profile>, StoreError> {
        let judge = |found: &Partition| {
            if let Some(profile) = &found.profile {
                return Ok(Verdict::Leave(profile.clone()));
            }
            // The user may have been deleted since the event: then the profile must not come back.
            let profile = Profile::of(found.user.as_ref().ok_or(StoreError::NotFound)?, now);
            let change = Change {
                user,
                event: None,
                request: None,
                pointers: Vec::new(),
                address: None,
                write: self.statements.put_profile(&profile),
            };
            Ok(Verdict::Do(Box::new(change), profile))
        };
        match self.change(user, None, None, judge, a_profile).await {
            Ok(made) => Ok(Some(made.value)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn profile_at(
        &self,
        user: UserId,
        consistency: Consistency,
    ) -> Result<Option<Profile>, StoreError> {
        if consistency == Consistency::Eventual {
            match self.partition(user, consistency).await {
                Ok(Partition { profile: Some(profile), .. }) => return Ok(Some(profile)),
                Ok(_) | Err(CqlError::Unknown(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(self.partition(user, enough(consistency)).await?.profile)
    }

    async fn replace_profile(&self, command: ReplaceProfile) -> Result<Committed<Profile>, StoreError> {
        let ReplaceProfile { profile, request, event } = command;
        let judge = |found: &Partition| {
            let current = found.profile.as_ref().ok_or(StoreError::NotFound)?;
            if current.version + 1 != profile.version {
                return Err(StoreError::Stale);
            }
            let change = Change {
                user: profile.user_id,
                event: Some(event.clone()),
                request: request.clone().map(|request| (request, Answer::Profile(profile.clone()))),
                pointers: Vec::new(),
                address: None,
                write: self.statements.put_profile(&profile),
            };
            Ok(Verdict::Do(Box::new(change), profile.clone()))
        };
        self.change(profile.user_id, request.as_ref(), None, judge, a_profile).await
    }
}

fn a_profile(answer: Answer) -> Option<Profile> {
    match answer {
        Answer::Profile(profile) => Some(profile),
        _ => None,
    }
}
