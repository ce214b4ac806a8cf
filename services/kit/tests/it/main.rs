//! One binary for the crate's tests of behaviour.

mod cache;
mod config;
mod lifecycle;
