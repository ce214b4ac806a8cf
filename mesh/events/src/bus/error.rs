//! Why a bus could not do it.

use crate::BoxError;

/// Why a bus could not do it.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The bus or its store does not answer, or failed; the outcome is unknown.
    #[error("the event bus is unavailable")]
    Unavailable(#[source] BoxError),
    /// The queue was never declared.
    #[error("there is no queue {0:?}")]
    UnknownQueue(String),
}
