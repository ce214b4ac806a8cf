//! The embedded bus and outbox on the real engine.
#![expect(clippy::unwrap_used, reason = "all of this is test code, the harness too")]

mod broadcast;
mod conformance;
mod model;
mod move_once;
