//! What a caller of the sandbox may be told.

use std::time::Duration;

use service_kit::error::{GrpcError, Violation, status};
use thiserror::Error;
use tonic::{Code, Status};

use crate::{
    domain::{Impossible, Key},
    store::StoreError,
};

/// The domain of the sandbox's reasons.
const DOMAIN: &str = "provider.v1";

/// When a repeat may succeed after the store was unavailable.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Why a request was not done.
#[derive(Debug, Error)]
pub(crate) enum Error {
    /// The request breaks rules: all of them at once.
    #[error("the request is invalid: {}", service_kit::error::summary(.0))]
    Invalid(Vec<Violation>),
    /// Something else was asked for under this key before.
    #[error("{0} names another operation")]
    KeyReused(Key),
    /// The books do not allow it.
    #[error("{0}")]
    Impossible(Impossible),
    /// Nothing was done under this key.
    #[error("nothing was done under {0}")]
    NotFound(Key),
    /// The token wants the first try to fail.
    #[error("the sandbox fails on purpose, once; nothing was done")]
    OnPurpose,
    /// The store cannot say.
    #[error("the store is unavailable")]
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
            StoreError::KeyReused(key) => Self::KeyReused(key),
            StoreError::Impossible(why) => Self::Impossible(why),
            StoreError::Unavailable(source) => Self::Unavailable(source),
        }
    }
}

impl GrpcError for Error {
    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) | Self::KeyReused(_) => Code::InvalidArgument,
            // Not now, but it may be when the other one is settled: that refuses nothing for good.
            Self::Impossible(Impossible::Pending) => Code::Aborted,
            Self::Impossible(_) => Code::FailedPrecondition,
            Self::NotFound(_) => Code::NotFound,
            Self::OnPurpose => Code::Internal,
            Self::Unavailable(_) => Code::Unavailable,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(violations) => service_kit::error::common_reason(violations),
            Self::KeyReused(_) => "KEY_REUSED",
            Self::Impossible(why) => why.reason(),
            Self::NotFound(_) => "TRANSACTION_NOT_FOUND",
            Self::OnPurpose => "FAILED_ON_PURPOSE",
            Self::Unavailable(_) => "STORE_UNAVAILABLE",
        }
    }

    fn metadata(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::KeyReused(key) | Self::NotFound(key) => vec![("key", key.to_string())],
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
        if let Error::Unavailable(_) = &error {
            tracing::error!(error = %mesh_telemetry::chain(&error), "a request could not be served");
        }
        status(&error, DOMAIN)
    }
}
