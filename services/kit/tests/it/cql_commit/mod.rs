//! The commit protocol on a real cluster: one write makes all of it true, and nothing that is true stays unpublished.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod conformance;
mod leases;
mod protocol;
mod requests;
mod sweeper;
mod world;
