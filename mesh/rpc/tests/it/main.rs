//! The two stacks against each other: real servers and channels, on a network in memory under a paused clock,
//! on TCP, and on a simulated network.

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
mod trace;
