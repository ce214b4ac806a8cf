//! Users on a CQL cluster: ScyllaDB or Cassandra.
//!
//! Everything of one user lies in one partition and changes by one conditional batch on its `rev`
//! ([`service_kit::cql::commit`]), so a change, its event and the memory of its request are there together or not
//! at all. An address is claimed in a table of its own before that batch, and the claim is only a hint: the address
//! is whose partition says so. Whoever finds a claim in the way looks at the claimant's partition, and stops a commit
//! that is still under way before taking over (see `claim.rs`).

mod claim;
mod index;
mod partition;
mod patience;
mod profiles;
mod sessions;
mod statements;
mod users;
mod write;

use std::sync::Arc;

use service_kit::{
    clock::Clock,
    cql::{
        Cql, CqlError, MigrateError, Migration,
        commit::{self, CommitConfig, CommitError, Commits, CqlOutbox, Table},
    },
};
use thiserror::Error;

use self::statements::Statements;
use super::{StoreError, records::Unreadable};

/// The tables of this store.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "users",
    text: include_str!("../../../migrations/0001_users.cql"),
    scylla: Some(include_str!("../../../migrations/0001_users.scylla.cql")),
}];

/// The table whose partitions are the users.
const USERS: Table = Table { name: "users", key: "user_id" };

/// Users on a CQL cluster. Clones share it.
#[derive(Clone, Debug)]
pub struct CqlStore {
    cql: Cql,
    commits: Commits,
    statements: Arc<Statements>,
    clock: Clock,
}

/// Why the store cannot be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The tables cannot be brought to what this program knows.
    #[error("cannot migrate the tables of users")]
    Migrate(#[from] MigrateError),
    /// The statements cannot be prepared.
    #[error("cannot prepare the statements on users")]
    Prepare(#[from] CqlError),
}

impl CqlStore {
    /// Users in the keyspace of `cql`, in tables made now if they are new; `clock` decides when a remembered request
    /// or a session has expired.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(cql: Cql, clock: Clock, config: CommitConfig) -> Result<Self, OpenError> {
        cql.migrate(commit::MIGRATIONS).await?;
        cql.migrate(MIGRATIONS).await?;
        let commits = Commits::open(cql.clone(), clock.clone(), config, USERS).await?;
        let statements = Arc::new(Statements::prepare(&cql).await?);
        Ok(Self { cql, commits, statements, clock })
    }

    /// The events of this store; for the relay.
    #[must_use]
    pub fn outbox(&self) -> CqlOutbox {
        self.commits.outbox()
    }
}

impl From<CqlError> for StoreError {
    fn from(error: CqlError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::OutboxLag { .. } => Self::EventsBehind(error.into()),
            CommitError::Unknown(_) | CommitError::Unavailable(_) => Self::Unavailable(error.into()),
        }
    }
}

impl From<Unreadable> for StoreError {
    fn from(error: Unreadable) -> Self {
        Self::Unavailable(error.into())
    }
}
