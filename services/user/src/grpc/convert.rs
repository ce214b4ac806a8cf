//! Messages of domain values, and a reader that the standard library lacks.

use std::time::Duration;

use proto::user::v1;
use service_kit::{clock::timestamp, error::Violation};

use crate::domain::{Profile, Session, User, etag};

/// Reads a duration; protobuf's may be negative, ours not.
pub(super) fn duration(
    field: &str,
    value: Option<prost_types::Duration>,
) -> Result<Option<Duration>, Violation> {
    let read = value.map(Duration::try_from).transpose();
    read.map_err(|_| Violation::new(field, "DURATION_INVALID", "must not be negative"))
}

pub(super) fn user(user: User) -> v1::User {
    v1::User {
        user_id: user.id.to_string(),
        email: user.email.as_str().to_owned(),
        display_name: user.display_name.as_str().to_owned(),
        locale: user.locale.as_str().to_owned(),
        etag: etag(user.version),
        create_time: Some(timestamp(user.created)),
        update_time: Some(timestamp(user.updated)),
    }
}

pub(super) fn profile(profile: &Profile) -> v1::Profile {
    v1::Profile {
        user_id: profile.user_id.to_string(),
        display_name: profile.display_name.as_str().to_owned(),
        locale: profile.locale.as_str().to_owned(),
        attributes: profile.attributes.entries().clone(),
        etag: etag(profile.version),
        create_time: Some(timestamp(profile.created)),
        update_time: Some(timestamp(profile.updated)),
    }
}

pub(super) fn session(session: &Session) -> v1::Session {
    v1::Session {
        session_id: session.id.to_string(),
        user_id: session.user_id.to_string(),
        attributes: session.attributes.entries().clone(),
        create_time: Some(timestamp(session.created)),
        expire_time: Some(timestamp(session.expires)),
    }
}
