//! Where users are kept: what the service relies on, in words that every backend must hold.
//!
//! - `Ok` of a write means durable: it survives `kill -9` and power loss, together with its event, which
//!   will be delivered at least once.
//! - A write is decided once. `Err(Unavailable)` of a write may mean "done" or "not done"; the same command
//!   with the same [`Request`] finds out.
//! - Reads see every write that was answered before they began, unless they are asked to see less
//!   ([`Consistency::Eventual`]).
//!
//! One conformance suite (`tests/it/conformance`) holds every backend to this.

mod commands;
mod consistency;
pub mod cql;
pub mod embedded;
mod records;

use async_trait::async_trait;
pub use commands::{Answer, Committed, CreateUser, DeleteUser, ReplaceProfile, ReplaceUser, StoreError};
pub use consistency::Consistency;
use service_kit::{clock::UnixMillis, requests::Request};

use crate::domain::{Profile, Session, TokenHash, User, UserId};

/// Keeps users.
#[async_trait]
pub trait UserStore: Send + Sync + 'static {
    /// Creates the user of the command, unless its address or its id is taken.
    async fn create_user(&self, command: CreateUser) -> Result<Committed<User>, StoreError>;

    /// Puts the user of the command in place of the version it expects; claims a new address and frees the
    /// old one in the same step.
    async fn replace_user(&self, command: ReplaceUser) -> Result<Committed<User>, StoreError>;

    /// Deletes the user with profile and sessions, and frees the address.
    async fn delete_user(&self, command: DeleteUser) -> Result<Committed<()>, StoreError>;

    /// The users with these ids, each in the place of its id.
    async fn users_at(
        &self,
        ids: &[UserId],
        consistency: Consistency,
    ) -> Result<Vec<Option<User>>, StoreError>;

    /// The user with this address in its normal form.
    async fn user_by_email_at(
        &self,
        normal: &str,
        consistency: Consistency,
    ) -> Result<Option<User>, StoreError>;

    /// Up to `limit` users in the order of their ids, from the one after `after`.
    async fn list_users_at(
        &self,
        after: Option<UserId>,
        limit: usize,
        consistency: Consistency,
    ) -> Result<Vec<User>, StoreError>;

    /// [`UserStore::users_at`], strong.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<Option<User>>, StoreError> {
        self.users_at(ids, Consistency::Strong).await
    }

    /// [`UserStore::user_by_email_at`], strong.
    async fn user_by_email(&self, normal: &str) -> Result<Option<User>, StoreError> {
        self.user_by_email_at(normal, Consistency::Strong).await
    }

    /// [`UserStore::list_users_at`], strong.
    async fn list_users(&self, after: Option<UserId>, limit: usize) -> Result<Vec<User>, StoreError> {
        self.list_users_at(after, limit, Consistency::Strong).await
    }

    /// The answer that was given to this request, if it is still remembered.
    ///
    /// # Errors
    /// [`StoreError::RequestReused`] if the request was made with other content.
    async fn recall(&self, request: &Request) -> Result<Option<Answer>, StoreError>;
}

/// Keeps profiles.
#[async_trait]
pub trait ProfileStore: Send + Sync + 'static {
    /// Creates the profile of a user, from what the user is now, unless there is one.
    ///
    /// `None` if there is no such user (any more).
    async fn ensure_profile(&self, user: UserId, now: UnixMillis) -> Result<Option<Profile>, StoreError>;

    /// The profile of this user.
    async fn profile_at(&self, user: UserId, consistency: Consistency)
    -> Result<Option<Profile>, StoreError>;

    /// [`ProfileStore::profile_at`], strong.
    async fn profile(&self, user: UserId) -> Result<Option<Profile>, StoreError> {
        self.profile_at(user, Consistency::Strong).await
    }

    /// Puts the profile of the command in place of the version it expects.
    async fn replace_profile(&self, command: ReplaceProfile) -> Result<Committed<Profile>, StoreError>;
}

/// Keeps sessions.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// Opens the session under the hash of its token.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if its user does not exist.
    async fn open_session(&self, token: TokenHash, session: Session) -> Result<(), StoreError>;

    /// The session under this hash, also if it has expired and was not yet swept.
    async fn session(&self, token: TokenHash) -> Result<Option<Session>, StoreError>;

    /// Ends the session under this hash, if there is one.
    async fn end_session(&self, token: TokenHash) -> Result<(), StoreError>;
}

/// All that the user service keeps.
pub trait Store: UserStore + ProfileStore + SessionStore {}

impl<S: UserStore + ProfileStore + SessionStore> Store for S {}
