//! The two stacks against each other: real servers and channels, on a network in memory under a paused clock,
//! on TCP, and on a simulated network.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod abuse;
mod active_health;
mod age;
mod answers;
mod balance;
mod connections;
mod deadline;
mod discovery;
mod drain;
mod endpoints;
mod greeter;
mod hash_key;
mod health;
mod hedge;
mod idle;
mod keepalive;
mod key_rate_limit;
mod messages;
mod metrics;
mod outlier;
mod overload;
mod panic;
mod pool;
mod protocol;
mod rate_limit;
mod ready;
mod reflection;
mod repeats_simulation;
mod retry;
mod round_trip;
mod simulation;
mod spans;
mod support;
mod telemetry;
mod trace;
mod unprocessed;
mod unread;
