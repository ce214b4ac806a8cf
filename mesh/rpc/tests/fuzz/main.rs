//! Random bytes for all that reads the wire: no panic, no wait without an end, and the status that gRPC prescribes or
//! a closed connection.
//!
//! Each case is a number, and the same number is the same case. A failing one is printed with its target and can be
//! run alone: `MESH_FUZZ_CASE=17 cargo test -p mesh-rpc --test fuzz NAME`. `MESH_FUZZ_SECONDS=600` goes on with new
//! cases for ten minutes in each target.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod cases;
mod client;
mod garbage;
mod headers;
mod parsers;
mod server;
#[path = "../it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other tests use the rest of it")]
mod support;
