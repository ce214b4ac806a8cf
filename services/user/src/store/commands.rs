//! What a store is asked to do, and what it answers.

use mesh_events::Envelope;
use service_kit::{clock::UnixMillis, requests::Request, whole::CutOff};
use thiserror::Error;

use crate::domain::{Profile, User, UserId};

/// Creates a user.
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// As it shall be, at version 1.
    pub user: User,
    /// Under which the answer is remembered.
    pub request: Option<Request>,
    /// Told with it.
    pub event: Envelope,
}

/// Changes a user.
#[derive(Clone, Debug)]
pub struct ReplaceUser {
    /// As it shall be; its version is one more than the one it replaces.
    pub user: User,
    /// Under which the answer is remembered.
    pub request: Option<Request>,
    /// Told with it.
    pub event: Envelope,
}

/// Deletes a user.
#[derive(Clone, Debug)]
pub struct DeleteUser {
    /// Who.
    pub id: UserId,
    /// The version that the caller has seen.
    pub expected: u64,
    /// When.
    pub now: UnixMillis,
    /// Under which the answer is remembered.
    pub request: Option<Request>,
    /// Told with it.
    pub event: Envelope,
}

/// Changes a profile.
#[derive(Clone, Debug)]
pub struct ReplaceProfile {
    /// As it shall be; its version is one more than the one it replaces.
    pub profile: Profile,
    /// Under which the answer is remembered.
    pub request: Option<Request>,
    /// Told with it.
    pub event: Envelope,
}

/// What a write came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed<T> {
    /// The answer.
    pub value: T,
    /// Whether an earlier write with the same request gave it, and this one changed nothing.
    pub replayed: bool,
}

impl<T> Committed<T> {
    /// The answer of a write that happened now.
    pub fn now(value: T) -> Self {
        Self { value, replayed: false }
    }

    /// The answer of a write that had happened before.
    pub fn before(value: T) -> Self {
        Self { value, replayed: true }
    }
}

/// What was answered to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A user.
    User(User),
    /// A profile.
    Profile(Profile),
    /// That it is deleted.
    Deleted,
}

/// Why a store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is nothing under this id.
    #[error("not found")]
    NotFound,
    /// It is no longer at the version that was expected.
    #[error("changed since it was read")]
    Stale,
    /// Another user has the address.
    #[error("the e-mail address is taken")]
    EmailTaken {
        /// Who; never told to callers.
        owner: UserId,
    },
    /// The request's id was used for other content.
    #[error("the request id was used for another request")]
    RequestReused,
    /// Nothing was written: events of earlier changes could not be published for too long.
    #[error("events are not published for too long")]
    EventsBehind(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot say. A write may or may not have happened.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<CutOff> for StoreError {
    fn from(cut: CutOff) -> Self {
        Self::Unavailable(cut.into())
    }
}
