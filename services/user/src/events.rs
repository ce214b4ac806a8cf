//! What the user service publishes, and what it consumes.

use std::sync::Arc;

use async_trait::async_trait;
use mesh_events::{Envelope, EventKind, HandleError, Handler, Subscription};
use proto::event::v1::{ProfileUpdated, UserCreated, UserDeleted, UserUpdated};
use serde_json::to_vec;
use service_kit::clock::{UnixMillis, timestamp};

use crate::{
    app::Profiles,
    domain::{Profile, User, UserId},
};

/// A user exists.
pub const CREATED: &str = "user.created";
/// A user's data changed.
pub const UPDATED: &str = "user.updated";
/// A user is gone.
pub const DELETED: &str = "user.deleted";
/// A user's profile changed.
pub const PROFILE_UPDATED: &str = "profile.updated";

/// The queue of the consumer that creates profiles.
pub const PROFILE_QUEUE: &str = "user.profile";

/// What this service wants to be told: its own new users, for whom it creates a profile.
#[must_use]
pub fn subscription() -> Subscription {
    Subscription::new(PROFILE_QUEUE, [EventKind::from_static(CREATED)])
}

/// The event that `user` was created.
#[must_use]
pub fn created(user: &User) -> Envelope {
    let body = UserCreated {
        user_id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        timestamp: Some(timestamp(user.created)),
    };
    envelope(CREATED, &Cause::of(user), user.version, user.created, to_vec(&body))
}

/// The event that `user` is now as given.
#[must_use]
pub fn updated(user: &User) -> Envelope {
    let body = UserUpdated {
        user_id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        timestamp: Some(timestamp(user.updated)),
    };
    envelope(UPDATED, &Cause::of(user), user.version, user.updated, to_vec(&body))
}

/// The event that `user` was deleted at `now`.
#[must_use]
pub fn deleted(user: &User, now: UnixMillis) -> Envelope {
    let body = UserDeleted {
        user_id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        timestamp: Some(timestamp(now)),
    };
    envelope(DELETED, &Cause::of(user), user.version + 1, now, to_vec(&body))
}

/// The event that `profile` is now as given. Its version counts the profile's changes, not the user's.
#[must_use]
pub fn profile_updated(profile: &Profile) -> Envelope {
    let body = ProfileUpdated {
        user_id: profile.user_id.to_string(),
        version: i64::try_from(profile.version).unwrap_or(i64::MAX),
        timestamp: Some(timestamp(profile.updated)),
    };
    let of = Cause { user: profile.user_id, created: profile.created };
    envelope(PROFILE_UPDATED, &of, profile.version, profile.updated, to_vec(&body))
}

/// What an event is about.
struct Cause {
    user: UserId,
    created: UnixMillis,
}

impl Cause {
    fn of(user: &User) -> Self {
        Self { user: user.id, created: user.created }
    }
}

fn envelope(
    kind: &'static str,
    of: &Cause,
    version: u64,
    at: UnixMillis,
    body: Result<Vec<u8>, serde_json::Error>,
) -> Envelope {
    Envelope {
        // The same change always makes the same event, so that a repeat of it can be told. The time tells a
        // user apart who was deleted and created again under an id derived from a forgotten request.
        id: of.user.event_id(&format!("{kind}/{version}@{}", of.created.0)),
        kind: EventKind::from_static(kind),
        subject: of.user.0,
        version,
        occur_time_ms: at.0,
        body: body.expect("strings, numbers and times are always JSON").into(),
        traceparent: mesh_rpc::trace::current().map(|trace| trace.to_string()),
    }
}

/// Creates the profile of every new user.
#[derive(Debug)]
pub struct CreateProfile {
    profiles: Arc<Profiles>,
}

impl CreateProfile {
    /// A handler that creates profiles through `profiles`.
    #[must_use]
    pub fn new(profiles: Arc<Profiles>) -> Self {
        Self { profiles }
    }
}

/// What is wrong with a body, without a word of what it says: it may be about a person.
fn unreadable(error: &serde_json::Error) -> String {
    format!(
        "the body is no user.created: {:?} error at line {}, column {}",
        error.classify(),
        error.line(),
        error.column()
    )
}

#[async_trait]
impl Handler for CreateProfile {
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        let created: UserCreated = serde_json::from_slice(&event.body)
            .map_err(|error| HandleError::Permanent(unreadable(&error).into()))?;
        let user = UserId::parse("user_id", &created.user_id)
            .map_err(|violation| HandleError::Permanent(violation.description.into()))?;
        // A user who is gone again needs no profile.
        self.profiles.create(user).await.map_err(|error| HandleError::Transient(error.into()))?;
        Ok(())
    }
}
