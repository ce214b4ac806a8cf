//! What the user service publishes, and what it consumes.

use std::sync::Arc;

use async_trait::async_trait;
use mesh_events::{Envelope, EventKind, HandleError, Handler, Subscription};
use proto::event::v1::{UserCreated, UserDeleted, UserUpdated};
use serde_json::to_vec;
use service_kit::clock::{UnixMillis, timestamp};

use crate::{
    app::Profiles,
    domain::{User, UserId},
};

/// A user exists.
pub const CREATED: &str = "user.created";
/// A user's data changed.
pub const UPDATED: &str = "user.updated";
/// A user is gone.
pub const DELETED: &str = "user.deleted";

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
    envelope(CREATED, user, user.version, user.created, to_vec(&body))
}

/// The event that `user` is now as given.
#[must_use]
pub fn updated(user: &User) -> Envelope {
    let body = UserUpdated {
        user_id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        timestamp: Some(timestamp(user.updated)),
    };
    envelope(UPDATED, user, user.version, user.updated, to_vec(&body))
}

/// The event that `user` was deleted at `now`.
#[must_use]
pub fn deleted(user: &User, now: UnixMillis) -> Envelope {
    let body = UserDeleted {
        user_id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        timestamp: Some(timestamp(now)),
    };
    envelope(DELETED, user, user.version + 1, now, to_vec(&body))
}

fn envelope(
    kind: &'static str,
    user: &User,
    version: u64,
    at: UnixMillis,
    body: Result<Vec<u8>, serde_json::Error>,
) -> Envelope {
    Envelope {
        // The same change always makes the same event, so that a repeat of it can be told. The time tells a
        // user apart who was deleted and created again under an id derived from a forgotten request.
        id: user.id.event_id(&format!("{kind}/{version}@{}", user.created.0)),
        kind: EventKind::from_static(kind),
        subject: user.id.0,
        version,
        occur_time_ms: at.0,
        body: body.expect("three strings are always JSON").into(),
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
