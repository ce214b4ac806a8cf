//! What the user service's users rely on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod api;
mod cancelled;
mod conformance;
mod cql;
mod embedded;
mod invalidator;
mod replicas;
mod trace;
