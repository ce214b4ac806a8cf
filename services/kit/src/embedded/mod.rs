//! The embedded engine: one redb file, one writer thread, one fsync for many writes.
//!
//! # Why one writer thread
//! redb allows one write transaction at a time and an fsync costs about as much as hundreds of inserts, so
//! concurrent writers would only queue behind each other's fsync. Here every write is a job in one bounded
//! queue; the writer takes whatever waits (at most a group), runs the jobs in order inside one transaction,
//! commits once, and only then answers them all. An answer of `Ok` therefore means: on disk.
//!
//! # Why it never retries
//! After a failed fsync the kernel may drop the dirty pages and report the next fsync as fine. The only
//! honest reaction is to stop: every waiting caller hears that its outcome is unknown, [`Engine::failed`]
//! resolves, and the process exits and recovers from what the file really holds.

mod config;
mod engine;
mod error;
mod format;
mod job;
mod open;
mod reader;
mod transactor;
mod writer;

pub use config::EngineConfig;
pub use engine::{Engine, EngineStats};
pub use error::{EngineFailure, FailureCause, OpenError, StorageError, WriteError};
