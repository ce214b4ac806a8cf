//! Contracts compiled as a build script compiles them, into a folder of the test's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod events;
mod files;
mod refusals;
mod table;
mod workshop;
