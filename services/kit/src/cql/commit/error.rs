//! Why there is no answer.

use std::time::Duration;

use thiserror::Error;

use crate::cql::CqlError;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum CommitError {
    /// The change may be true, may become true, or may never be. Whoever repeats the request, with its id, is told.
    #[error("it is unknown whether the change was committed")]
    Unknown(#[source] CqlError),
    /// Nothing was committed.
    #[error("the store is unavailable")]
    Unavailable(#[source] CqlError),
    /// Nothing was committed: events could not be published for too long, and must not pile up until they expire.
    #[error("events are {lag:?} behind, at most {max:?} is allowed")]
    OutboxLag {
        /// How old the oldest unpublished event is.
        lag: Duration,
        /// How old it may be.
        max: Duration,
    },
}
