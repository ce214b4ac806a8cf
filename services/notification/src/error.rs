//! What a caller of this service may be told.

use std::time::Duration;

use service_kit::error::{GrpcError, Violation, status};
use thiserror::Error;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::{domain::NotificationId, store::StoreError, templates::TemplateError};

/// The domain of this service's reasons.
const DOMAIN: &str = "notification.v1";

/// When a repeat may succeed after the store was unavailable.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Why a request was not done.
#[derive(Debug, Error)]
pub enum Error {
    /// The request breaks rules: all of them at once.
    #[error("the request is invalid: {}", service_kit::error::summary(.0))]
    Invalid(Vec<Violation>),
    /// There is no such notification.
    #[error("notification {0} does not exist")]
    NotFound(NotificationId),
    /// There is no such queue.
    #[error("there is no queue {0:?}")]
    QueueNotFound(String),
    /// The event is not parked there (any more).
    #[error("event {event} is not parked in {queue:?}")]
    NotParked {
        /// Where.
        queue: String,
        /// Which.
        event: Uuid,
    },
    /// The request_id was used for other content.
    #[error("this request_id was used for another request")]
    RequestReused,
    /// The template does not work with what was given.
    #[error("{0}")]
    Template(TemplateError),
    /// The watcher read too slowly.
    #[error("the watcher was too slow and missed {lost} changes; list the notifications again")]
    WatchLagged {
        /// Changes that it was not told.
        lost: u64,
    },
    /// The store cannot say.
    #[error("the store is unavailable; repeat the request with the same request_id")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::RequestReused => Self::RequestReused,
            StoreError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

impl From<TemplateError> for Error {
    fn from(error: TemplateError) -> Self {
        let violation = |field: &str, reason| Violation::new(field, reason, error.to_string());
        match &error {
            TemplateError::Unknown(_) => violation("template.name", "TEMPLATE_UNKNOWN").into(),
            TemplateError::Missing { .. } => violation("template.parameters", "PARAMETER_MISSING").into(),
            TemplateError::Broken { .. } => Self::Template(error),
        }
    }
}

impl GrpcError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::RequestReused => Code::InvalidArgument,
            Self::NotFound(_) | Self::QueueNotFound(_) | Self::NotParked { .. } => Code::NotFound,
            Self::Template(_) => Code::Internal,
            Self::WatchLagged { .. } => Code::DataLoss,
            Self::Unavailable(_) => Code::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(violations) => service_kit::error::common_reason(violations),
            Self::NotFound(_) => "NOTIFICATION_NOT_FOUND",
            Self::QueueNotFound(_) => "QUEUE_NOT_FOUND",
            Self::NotParked { .. } => "EVENT_NOT_PARKED",
            Self::RequestReused => "REQUEST_ID_REUSED",
            Self::Template(_) => "TEMPLATE_BROKEN",
            Self::WatchLagged { .. } => "WATCH_LAGGED",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::NotFound(id) => vec![("notification_id", id.to_string())],
            Self::QueueNotFound(queue) => vec![("queue", queue.clone())],
            Self::NotParked { queue, event } => {
                vec![("queue", queue.clone()), ("event_id", event.to_string())]
            }
            Self::WatchLagged { lost } => vec![("lost", lost.to_string())],
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
        matches!(self, Self::Unavailable(_)).then_some(RETRY_AFTER)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        if let Error::Unavailable(_) | Error::Template(_) = &error {
            tracing::error!(error = %mesh_telemetry::chain(&error), "a request could not be served");
        }
        status(&error, DOMAIN)
    }
}
