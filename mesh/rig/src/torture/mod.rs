//! `cargo rig torture`: builds what is needed, and lets `load cluster` torture it on a set of servers of its own.
//!
//! This crate cannot do it itself: what loads the services depends on it.

mod child;
mod run;

pub(crate) use run::{Arguments, run};
