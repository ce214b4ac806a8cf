//! Development only: histories of what clients asked and were told, and the checker that decides from one
//! whether anything was lost or doubled; and real servers to test against. The `cargo rig` command is this crate's
//! program.

pub mod checker;
pub mod history;
pub mod servers;
pub mod workspace;
