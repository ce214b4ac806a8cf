//! What a caller of this service may be told.

use std::time::Duration;

use service_kit::error::{GrpcError, Violation, status};
use thiserror::Error;
use tonic::{Code, Status};

use crate::{domain::UserId, store::StoreError};

/// The domain of this service's reasons.
const DOMAIN: &str = "user.v1";

/// When a repeat may succeed after the store was unavailable.
const RETRY_AFTER: Duration = Duration::from_millis(200);
/// The same after events were behind: some operator is at it by then.
const RETRY_AFTER_LAG: Duration = Duration::from_secs(10);

/// Why a request was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// The request breaks rules: all of them at once.
    #[error("the request is invalid: {}", service_kit::error::summary(.0))]
    Invalid(Vec<Violation>),
    /// Nobody has this id.
    #[error("user {0} does not exist")]
    UserNotFound(UserId),
    /// Nobody has this address. It is not repeated: an answer may be logged where an address must not be.
    #[error("no user has this e-mail address")]
    EmailNotFound,
    /// The token opens nothing (any more).
    #[error("the session does not exist, has expired or was revoked")]
    SessionNotFound,
    /// Somebody has the address; nothing is said of whom.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The etag is not the current one.
    #[error("the {what} of user {user} was changed since it was read; read it again")]
    Stale {
        /// "user" or "profile".
        what: &'static str,
        /// Whose.
        user: UserId,
    },
    /// The request_id was used for other content.
    #[error("this request_id was used for another request")]
    RequestReused,
    /// The stream of an import broke off.
    #[error("the import broke off after {rows} rows; send it again under the same import_id")]
    ImportBroken {
        /// Rows read before.
        rows: u64,
    },
    /// Events of earlier changes could not be published for too long, so that no more are made.
    #[error(
        "events of earlier changes wait too long for the broker; repeat the request later with the same request_id"
    )]
    EventsBehind(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot say.
    #[error("the store is unavailable; repeat the request with the same request_id")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// What a store's refusal means for a request about `user`.
    #[must_use]
    pub fn of_user(error: StoreError, user: UserId) -> Self {
        Self::of(error, "user", user)
    }

    /// What a store's refusal means for a request about the profile of `user`.
    #[must_use]
    pub fn of_profile(error: StoreError, user: UserId) -> Self {
        Self::of(error, "profile", user)
    }

    fn of(error: StoreError, what: &'static str, user: UserId) -> Self {
        match error {
            StoreError::NotFound => Self::UserNotFound(user),
            StoreError::Stale => Self::Stale { what, user },
            StoreError::EmailTaken { .. } => Self::EmailTaken,
            StoreError::RequestReused => Self::RequestReused,
            StoreError::EventsBehind(source) => Self::EventsBehind(source),
            StoreError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

impl GrpcError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::RequestReused => Code::InvalidArgument,
            Self::UserNotFound(_) | Self::EmailNotFound | Self::SessionNotFound => Code::NotFound,
            Self::EmailTaken => Code::AlreadyExists,
            Self::Stale { .. } | Self::ImportBroken { .. } => Code::Aborted,
            Self::EventsBehind(_) | Self::Unavailable(_) => Code::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(violations) => service_kit::error::common_reason(violations),
            Self::UserNotFound(_) | Self::EmailNotFound => "USER_NOT_FOUND",
            Self::SessionNotFound => "SESSION_NOT_FOUND",
            Self::EmailTaken => "EMAIL_TAKEN",
            Self::Stale { .. } => "ETAG_STALE",
            Self::RequestReused => "REQUEST_ID_REUSED",
            Self::ImportBroken { .. } => "IMPORT_BROKEN",
            Self::EventsBehind(_) => "EVENTS_BEHIND",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::UserNotFound(user) | Self::Stale { user, .. } => vec![("user_id", user.to_string())],
            Self::ImportBroken { rows } => vec![("rows", rows.to_string())],
            _ => Vec::new(),
        }
    }

    fn violations(&self) -> &[Violation] {
        match self {
            Self::Invalid(violations) => violations,
            _ => &[],
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable(_) => Some(RETRY_AFTER),
            Self::EventsBehind(_) => Some(RETRY_AFTER_LAG),
            _ => None,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Unavailable(_) => {
                tracing::error!(error = %mesh_telemetry::chain(&error), "a request could not be served");
            }
            Error::EventsBehind(_) => {
                tracing::warn!(error = %mesh_telemetry::chain(&error), "a request could not be served now");
            }
            _ => {}
        }
        status(&error, DOMAIN)
    }
}
