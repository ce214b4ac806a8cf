//! What reacts to an event, and how it says that it could not.

use async_trait::async_trait;

use crate::Envelope;

/// Any error, with its sources.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Reacts to events of one subscription.
///
/// # Contract
/// - `Ok` means that the effect is durable: the event is acknowledged next and never comes again.
/// - The same event may come twice, concurrently with others, and late. The effect must be the same then: use a
///   natural key (the subject, or the event's id), and drop a version that is not newer than the stored one.
/// - The call may be dropped at an await point, when it exceeds its time or the process drains.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does what the event asks for.
    ///
    /// # Errors
    /// See [`HandleError`]. A panic counts as transient.
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError>;
}

/// Why an event could not be handled, and whether it is worth another attempt.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// It may go well later: the event comes again by the ladder.
    #[error("the event cannot be handled now")]
    Transient(#[source] BoxError),
    /// It never will: the event is parked at once.
    #[error("the event can never be handled")]
    Permanent(#[source] BoxError),
}

// === impl HandleError ===

impl HandleError {
    /// It may go well later.
    pub fn transient(error: impl Into<BoxError>) -> Self {
        Self::Transient(error.into())
    }

    /// It never will.
    pub fn permanent(error: impl Into<BoxError>) -> Self {
        Self::Permanent(error.into())
    }
}
