//! One binary for the crate's tests of behaviour.

mod bus;
mod cache;
mod config;
mod engine;
mod lifecycle;
