//! Development only: histories of what clients asked and were told, and the checker that decides from one
//! whether anything was lost or doubled; real servers to test against, with a keyspace and a virtual host for each
//! test; and what breaks them: links, faults drawn from a seed, a mail server that misbehaves. The `cargo rig` command
//! is this crate's program.
//!
//! Other crates depend on this one in their tests, so it depends on none of them.

pub mod checker;
pub mod history;
pub mod management;
pub mod nemesis;
pub mod proxy;
pub mod servers;
pub mod smtp;
pub mod testing;
pub mod workspace;
