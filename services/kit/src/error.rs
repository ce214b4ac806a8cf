//! From a service's error to a `tonic::Status`: the one place where the services make one.
//!
//! Every status carries `google.rpc.ErrorInfo` (AIP-193): a reason that programs may branch on, a domain,
//! and every dynamic value of the message as metadata.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The path of the field, such as `user.email`.
    pub field: String,
    /// A short name that programs may branch on, such as `EMAIL_INVALID`.
    pub reason: &'static str,
    /// A sentence for a person.
    pub description: String,
}

impl Violation {
    /// A violation of the field at `field`.
    pub fn new(field: impl Into<String>, reason: &'static str, description: impl Into<String>) -> Self {
        Self { field: field.into(), reason, description: description.into() }
    }
}

/// Collects all that is wrong with a request, so that its caller hears of it at once.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The value, or `None` with its violation kept.
    pub fn keep<T>(&mut self, read: Result<T, impl Into<Violation>>) -> Option<T> {
        read.map_err(|violation| self.0.push(violation.into())).ok()
    }

    /// As [`Violations::keep`], for a reader that finds several at once.
    pub fn keep_all<T>(&mut self, read: Result<T, Vec<Violation>>) -> Option<T> {
        read.map_err(|violations| self.0.extend(violations)).ok()
    }

    /// Adds a violation.
    pub fn add(&mut self, field: &str, reason: &'static str, description: &str) {
        self.0.push(Violation::new(field, reason, description));
    }

    /// What was read, if nothing is wrong. `read` takes what [`Violations::keep`] gave, which is all there
    /// when no violation was kept.
    ///
    /// # Errors
    /// All violations that were kept.
    pub fn finish<T>(self, read: impl FnOnce() -> Option<T>) -> Result<T, Vec<Violation>> {
        match read() {
            Some(read) if self.0.is_empty() => Ok(read),
            _ => Err(self.0),
        }
    }
}

/// An error that a caller may see.
pub trait GrpcError: std::error::Error {
    /// The canonical code.
    fn code(&self) -> Code;
    /// The reason, in UPPER_SNAKE_CASE, unique within the service's domain.
    fn reason(&self) -> &'static str;
    /// The dynamic values of the message; nothing secret.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// All that is wrong with the request, at once.
    fn violations(&self) -> &[Violation] {
        &[]
    }
    /// When a repeat may succeed.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// The status of `error` in the domain of a service, such as `user.v1`.
///
/// The text is the error's own; its sources stay inside, since they name parts a caller should not know.
pub fn status(error: &impl GrpcError, domain: &str) -> Status {
    let metadata: HashMap<String, String> =
        error.metadata().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut details = ErrorDetails::with_error_info(error.reason(), domain, metadata);
    for violation in error.violations() {
        details.add_bad_request_violation(&violation.field, &violation.description);
    }
    if let Some(delay) = error.retry_after() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(error.code(), error.to_string(), details)
}

/// All violations in one line, for the text of a status.
#[must_use]
pub fn summary(violations: &[Violation]) -> String {
    let all: Vec<_> = violations.iter().map(|v| format!("{} {}", v.field, v.description)).collect();
    all.join("; ")
}

/// The reason of a status with these violations: one speaks for itself, several have only this in common.
#[must_use]
pub fn common_reason(violations: &[Violation]) -> &'static str {
    match violations {
        [only] => only.reason,
        _ => "REQUEST_INVALID",
    }
}
