//! A CQL cluster (ScyllaDB, Apache Cassandra) as the services use it: every statement is prepared for a purpose,
//! which decides its consistency, its routing, its retries and its bound in time; a conditional write answers what
//! became of it, or that nobody knows.

mod cas;
pub mod commit;

mod config;
mod error;
mod migrate;
mod profiles;
mod second;
mod session;
mod statement;

pub use cas::{Cas, CurrentRow};
pub use config::{CqlConfig, SerialScope};
pub use error::{ConnectError, CqlError, MigrateError};
pub use migrate::Migration;
pub use session::Cql;
pub use statement::{Bound, Purpose, Statement};
