//! Commands and queries on profiles.

use async_trait::async_trait;
use redb::{ReadableTable as _, WriteTransaction};
use service_kit::clock::UnixMillis;

use super::{
    EmbeddedStore, Job,
    requests::{keep, replay},
    tables::PROFILES,
    unread,
    users::stored,
};
use crate::{
    domain::{Profile, UserId},
    store::{
        Answer, Committed, Consistency, ProfileStore, ReplaceProfile, StoreError,
        records::{decode_profile, encode_profile},
    },
};

#[async_trait]
impl ProfileStore for EmbeddedStore {
    async fn ensure_profile(&self, user: UserId, now: UnixMillis) -> Result<Option<Profile>, StoreError> {
        // A user who does not exist is a refusal, so that asking for one costs no commit.
        match self.commit(move |txn| ensure(txn, user, now)).await {
            Ok(profile) => Ok(Some(profile)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn profile_at(
        &self,
        user: UserId,
        _consistency: Consistency,
    ) -> Result<Option<Profile>, StoreError> {
        let found = self.engine.read(move |txn| {
            let profiles = txn.open_table(PROFILES)?;
            Ok(profiles.get(user.0.as_u128())?.map(|row| decode_profile(row.value())).transpose()?)
        });
        found.await.map_err(unread)
    }

    async fn replace_profile(&self, command: ReplaceProfile) -> Result<Committed<Profile>, StoreError> {
        let now = self.clock.now();
        self.commit(move |txn| replace(txn, command, now)).await
    }
}

fn ensure(txn: &WriteTransaction, user: UserId, now: UnixMillis) -> Job<Profile> {
    let mut profiles = txn.open_table(PROFILES)?;
    let id = user.0.as_u128();
    if let Some(row) = profiles.get(id)? {
        return Ok(Ok(decode_profile(row.value())?));
    }
    // The user may have been deleted since the event: then the profile must not come back.
    let Some(user) = stored(txn, user)? else { return Ok(Err(StoreError::NotFound)) };
    let profile = Profile::of(&user, now);
    profiles.insert(id, encode_profile(&profile).as_slice())?;
    Ok(Ok(profile))
}

fn replace(txn: &WriteTransaction, command: ReplaceProfile, now: UnixMillis) -> Job<Committed<Profile>> {
    let ReplaceProfile { profile, request, event } = command;
    match replay(txn, request.as_ref(), now)? {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Some(Answer::Profile(profile))) => return Ok(Ok(Committed::before(profile))),
        Ok(_) => {}
    }
    let mut profiles = txn.open_table(PROFILES)?;
    let id = profile.user_id.0.as_u128();
    let current = profiles.get(id)?.map(|row| decode_profile(row.value())).transpose()?;
    let Some(current) = current else { return Ok(Err(StoreError::NotFound)) };
    if current.version + 1 != profile.version {
        return Ok(Err(StoreError::Stale));
    }
    profiles.insert(id, encode_profile(&profile).as_slice())?;
    drop(profiles);
    mesh_events::embedded::append(txn, &event)?;
    keep(txn, request.as_ref(), &Answer::Profile(profile.clone()), now)?;
    Ok(Ok(Committed::now(profile)))
}
