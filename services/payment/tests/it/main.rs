//! What the payment service's callers and its books rely on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod api;
mod conformance;
mod cql;
mod driver;
mod embedded;
mod reconciliation;
mod world;
