//! The two stacks against each other: real servers and channels, on a network in memory under a paused clock,
//! on TCP, and on a simulated network.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod deadline;
mod drain;
mod endpoints;
mod health;
mod panic;
mod protocol;
mod reflection;
mod round_trip;
mod simulation;
mod support;
mod telemetry;
mod trace;
mod unread;
