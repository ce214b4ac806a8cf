//! What can go wrong, sorted by what a caller must believe of its write.

use scylla::{
    errors::{DbError, ExecutionError, NewSessionError, PrepareError, RequestAttemptError},
    statement::Consistency,
};
use thiserror::Error;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a statement has no answer.
#[derive(Debug, Error)]
pub enum CqlError {
    /// Nobody knows: it may have happened, may still happen, or may never happen. Of a read: ask again.
    #[error("the cluster did not answer")]
    Unknown(#[source] Source),
    /// It certainly did not happen, now or later.
    #[error("the cluster refused")]
    Refused(#[source] Source),
    /// The answer cannot be read: the schema is not the one that this program knows.
    #[error("the cluster's answer cannot be read")]
    Unexpected(#[source] Source),
}

/// Why there is no session.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No contact point could be reached, or none let us in.
    #[error("cannot connect to the cluster")]
    Session(#[from] NewSessionError),
    /// The keyspace has a name that cannot be one.
    #[error("{0:?} is no name of a keyspace: at most 48 lower-case letters, digits and underscores")]
    Name(String),
    /// The keyspace could not be made or used.
    #[error("cannot use the keyspace {keyspace}")]
    Keyspace {
        /// Which.
        keyspace: String,
        /// Why not.
        #[source]
        source: CqlError,
    },
}

/// Why the schema is not the one that this program needs.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// A migration that was applied reads otherwise now.
    #[error("migration {version} ({name}) was changed after it had been applied; add a new one instead")]
    Changed {
        /// Its number.
        version: u32,
        /// Its name.
        name: &'static str,
    },
    /// Another instance holds the lock and does not finish.
    #[error("another instance has been migrating for {0:?}")]
    Locked(std::time::Duration),
    /// A statement failed; the migration is not recorded, and will be tried again from its beginning.
    #[error("migration {version} ({name}) failed")]
    Statement {
        /// Its number.
        version: u32,
        /// Its name.
        name: &'static str,
        /// How.
        #[source]
        source: CqlError,
    },
    /// What has been applied cannot be told.
    #[error("cannot read or write the record of migrations")]
    Record(#[from] CqlError),
}

impl CqlError {
    /// An answer that cannot be read.
    pub fn unexpected(source: impl Into<Source>) -> Self {
        Self::Unexpected(source.into())
    }

    /// Whether the write may have happened all the same.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

impl From<PrepareError> for CqlError {
    fn from(error: PrepareError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<ExecutionError> for CqlError {
    fn from(error: ExecutionError) -> Self {
        if is_refusal(&error) { Self::Refused(error.into()) } else { Self::Unknown(error.into()) }
    }
}

/// Whether nothing of the statement can have happened. Everything that is not known to be harmless is taken for
/// "unknown": a timeout, a broken connection, `WriteTimeout` of a conditional write (ScyllaDB and Cassandra may
/// finish it with the next one).
fn is_refusal(error: &ExecutionError) -> bool {
    match error {
        ExecutionError::BadQuery(_)
        | ExecutionError::EmptyPlan
        | ExecutionError::PrepareError(_)
        | ExecutionError::ConnectionPoolError(_) => true,
        ExecutionError::LastAttemptError(RequestAttemptError::DbError(error, _)) => match error {
            DbError::SyntaxError
            | DbError::Invalid
            | DbError::AlreadyExists { .. }
            | DbError::AuthenticationError
            | DbError::Unauthorized
            | DbError::ConfigError
            | DbError::Overloaded
            | DbError::IsBootstrapping => true,
            // With another consistency it says that the decision was made and could not be spread.
            DbError::Unavailable { consistency, .. } => {
                matches!(consistency, Consistency::Serial | Consistency::LocalSerial)
            }
            _ => false,
        },
        ExecutionError::LastAttemptError(
            RequestAttemptError::SerializationError(_)
            | RequestAttemptError::CqlRequestSerialization(_)
            | RequestAttemptError::UnableToAllocStreamId,
        ) => true,
        _ => false,
    }
}
