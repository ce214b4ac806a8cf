//! Commands and queries on users.

use std::ops::Bound;

use async_trait::async_trait;
use fail::fail_point;
use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};
use service_kit::{
    clock::UnixMillis,
    requests::{Request, embedded::look_up},
};

use super::{
    EmbeddedStore, Job,
    requests::{answer, keep, replay},
    sessions::end_sessions_of,
    tables::{EMAILS, PROFILES, USERS},
    unread,
};
use crate::{
    domain::{User, UserId},
    store::{
        Answer, Committed, Consistency, CreateUser, DeleteUser, ReplaceUser, StoreError, UserStore,
        records::{decode_user, encode_user},
    },
};

#[async_trait]
impl UserStore for EmbeddedStore {
    async fn create_user(&self, command: CreateUser) -> Result<Committed<User>, StoreError> {
        let now = self.clock.now();
        // Encoded here, because everybody waits for the writer and nobody for this.
        let row = encode_user(&command.user);
        if checks_before_writing() {
            self.refuse_taken(&command.user).await?;
        }
        self.commit(move |txn| create(txn, command, &row, now)).await
    }

    async fn replace_user(&self, command: ReplaceUser) -> Result<Committed<User>, StoreError> {
        let now = self.clock.now();
        if checks_before_writing() {
            self.refuse_taken(&command.user).await?;
        }
        self.commit(move |txn| replace(txn, command, now)).await
    }

    async fn delete_user(&self, command: DeleteUser) -> Result<Committed<()>, StoreError> {
        let now = self.clock.now();
        self.commit(move |txn| delete(txn, &command, now)).await
    }

    async fn users_at(
        &self,
        ids: &[UserId],
        _consistency: Consistency,
    ) -> Result<Vec<Option<User>>, StoreError> {
        let ids = ids.to_vec();
        self.engine.read(move |txn| find(txn, &ids)).await.map_err(unread)
    }

    async fn user_by_email_at(
        &self,
        normal: &str,
        _consistency: Consistency,
    ) -> Result<Option<User>, StoreError> {
        let normal = normal.to_owned();
        self.engine.read(move |txn| find_by_email(txn, &normal)).await.map_err(unread)
    }

    async fn list_users_at(
        &self,
        after: Option<UserId>,
        limit: usize,
        _consistency: Consistency,
    ) -> Result<Vec<User>, StoreError> {
        self.engine.read(move |txn| list(txn, after, limit)).await.map_err(unread)
    }

    async fn recall(&self, request: &Request) -> Result<Option<Answer>, StoreError> {
        let (request, now) = (request.clone(), self.clock.now());
        let found = self.engine.read(move |txn| answer(look_up(txn, &request, now)?)).await;
        found.map_err(unread)?
    }
}

/// Seeded bug, only with failpoints compiled in: whether an address is taken is read before the write, which then
/// relies on it.
fn checks_before_writing() -> bool {
    fail_point!("bug.email-read-then-write", |_| true);
    false
}

impl EmbeddedStore {
    /// The check of that bug.
    async fn refuse_taken(&self, user: &User) -> Result<(), StoreError> {
        match self.user_by_email(user.email.normal()).await? {
            Some(owner) if owner.id != user.id => Err(StoreError::EmailTaken { owner: owner.id }),
            _ => Ok(()),
        }
    }
}

/// The user stored under `id`, inside a write.
pub(super) fn stored(txn: &WriteTransaction, id: UserId) -> Result<Option<User>, redb::Error> {
    let users = txn.open_table(USERS)?;
    Ok(users.get(id.0.as_u128())?.map(|row| decode_user(row.value())).transpose()?)
}

fn owner_of(txn: &WriteTransaction, normal: &str) -> Result<Option<UserId>, redb::Error> {
    let emails = txn.open_table(EMAILS)?;
    Ok(emails.get(normal)?.map(|row| UserId(uuid::Uuid::from_u128(row.value()))))
}

fn create(txn: &WriteTransaction, command: CreateUser, row: &[u8], now: UnixMillis) -> Job<Committed<User>> {
    let CreateUser { user, request, event } = command;
    match replay(txn, request.as_ref(), now)? {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Some(Answer::User(user))) => return Ok(Ok(Committed::before(user))),
        Ok(_) => {}
    }
    let id = user.id.0.as_u128();
    let mut emails = txn.open_table(EMAILS)?;
    if let Some(row) = emails.get(user.email.normal())?
        && !checks_before_writing()
    {
        return Ok(Err(StoreError::EmailTaken { owner: UserId(uuid::Uuid::from_u128(row.value())) }));
    }
    let mut users = txn.open_table(USERS)?;
    // An id derived from a request whose answer is forgotten: the user it made has moved to another address.
    if users.get(id)?.is_some() {
        return Ok(Err(StoreError::RequestReused));
    }
    emails.insert(user.email.normal(), id)?;
    users.insert(id, row)?;
    mesh_events::embedded::append(txn, &event)?;
    if request.is_some() {
        keep(txn, request.as_ref(), &Answer::User(user.clone()), now)?;
    }
    Ok(Ok(Committed::now(user)))
}

fn replace(txn: &WriteTransaction, command: ReplaceUser, now: UnixMillis) -> Job<Committed<User>> {
    let ReplaceUser { user, request, event } = command;
    match replay(txn, request.as_ref(), now)? {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Some(Answer::User(user))) => return Ok(Ok(Committed::before(user))),
        Ok(_) => {}
    }
    let Some(current) = stored(txn, user.id)? else { return Ok(Err(StoreError::NotFound)) };
    if current.version + 1 != user.version {
        return Ok(Err(StoreError::Stale));
    }
    let moved = current.email.normal() != user.email.normal();
    if moved
        && !checks_before_writing()
        && let Some(owner) = owner_of(txn, user.email.normal())?
    {
        return Ok(Err(StoreError::EmailTaken { owner }));
    }
    let id = user.id.0.as_u128();
    if moved {
        let mut emails = txn.open_table(EMAILS)?;
        emails.remove(current.email.normal())?;
        emails.insert(user.email.normal(), id)?;
    }
    txn.open_table(USERS)?.insert(id, encode_user(&user).as_slice())?;
    mesh_events::embedded::append(txn, &event)?;
    keep(txn, request.as_ref(), &Answer::User(user.clone()), now)?;
    Ok(Ok(Committed::now(user)))
}

fn delete(txn: &WriteTransaction, command: &DeleteUser, now: UnixMillis) -> Job<Committed<()>> {
    match replay(txn, command.request.as_ref(), now)? {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Some(_)) => return Ok(Ok(Committed::before(()))),
        Ok(None) => {}
    }
    let Some(current) = stored(txn, command.id)? else { return Ok(Err(StoreError::NotFound)) };
    if current.version != command.expected {
        return Ok(Err(StoreError::Stale));
    }
    let id = command.id.0.as_u128();
    txn.open_table(EMAILS)?.remove(current.email.normal())?;
    txn.open_table(USERS)?.remove(id)?;
    txn.open_table(PROFILES)?.remove(id)?;
    end_sessions_of(txn, command.id)?;
    mesh_events::embedded::append(txn, &command.event)?;
    keep(txn, command.request.as_ref(), &Answer::Deleted, now)?;
    Ok(Ok(Committed::now(())))
}

fn find(txn: &ReadTransaction, ids: &[UserId]) -> Result<Vec<Option<User>>, redb::Error> {
    let users = txn.open_table(USERS)?;
    let find =
        |id: &UserId| Ok(users.get(id.0.as_u128())?.map(|row| decode_user(row.value())).transpose()?);
    ids.iter().map(find).collect()
}

fn find_by_email(txn: &ReadTransaction, normal: &str) -> Result<Option<User>, redb::Error> {
    let Some(id) = txn.open_table(EMAILS)?.get(normal)?.map(|row| row.value()) else { return Ok(None) };
    Ok(txn.open_table(USERS)?.get(id)?.map(|row| decode_user(row.value())).transpose()?)
}

fn list(txn: &ReadTransaction, after: Option<UserId>, limit: usize) -> Result<Vec<User>, redb::Error> {
    let users = txn.open_table(USERS)?;
    let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.0.as_u128()));
    let rows = users.range::<u128>((from, Bound::Unbounded))?;
    rows.take(limit).map(|row| Ok(decode_user(row?.1.value())?)).collect()
}
