//! Why the broker could not do it.

use crate::{BoxError, BusError, EventKind};

/// Why the broker could not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum RabbitError {
    /// There is no connection, and none came up in time.
    #[error("there is no connection to the broker")]
    NotConnected,
    /// The broker is short of memory or disk and takes nothing from publishers.
    #[error("the broker blocks publishers")]
    Blocked,
    /// The broker did not answer in time.
    #[error("the broker did not {0} in time")]
    Elapsed(&'static str),
    /// The broker or the connection failed.
    #[error("the broker failed")]
    Amqp(#[source] lapin::Error),
    /// Declared queues ask for the kind, and the broker knows of none even after they were bound again.
    #[error("no queue takes {0} although one was declared for it")]
    Unroutable(EventKind),
    /// A queue that was written to by name did not take the message.
    #[error("the queue {0} does not take the message")]
    NotTaken(String),
    /// A message came back that was not sent in the same batch.
    #[error("the broker returned a message that is not of its batch")]
    Unattributed,
    /// More is parked than is looked through.
    #[error("not all parked events could be looked through")]
    ScanIncomplete,
    /// The bus was closed.
    #[error("the bus is closed")]
    Closed,
}

// === impl RabbitError ===

impl From<lapin::Error> for RabbitError {
    fn from(error: lapin::Error) -> Self {
        Self::Amqp(error)
    }
}

impl From<RabbitError> for BusError {
    fn from(error: RabbitError) -> Self {
        Self::Unavailable(BoxError::from(error))
    }
}

/// Whether the broker said that there is no such queue.
pub(super) fn is_not_found(error: &lapin::Error) -> bool {
    is_reply(error, 404)
}

/// Whether the broker said that the thing exists with other properties.
pub(super) fn is_precondition_failed(error: &lapin::Error) -> bool {
    is_reply(error, 406)
}

fn is_reply(error: &lapin::Error, code: u16) -> bool {
    matches!(error.kind(), lapin::ErrorKind::ProtocolError(error) if error.get_id() == code)
}
