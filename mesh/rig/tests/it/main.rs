//! The rig, from outside: its command, and what it does with real servers.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod command;
mod nemesis;
mod testing;
