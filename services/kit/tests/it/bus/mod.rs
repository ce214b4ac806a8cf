//! The embedded bus and outbox on the real engine.

mod conformance;
mod move_once;
