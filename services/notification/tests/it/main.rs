//! What the notification service's users rely on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod api;
mod conformance;
mod courier;
mod cql;
mod embedded;
mod smtp;
