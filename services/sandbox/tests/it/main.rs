//! What whoever asks the sandbox relies on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, and so do the functions it calls")]

mod bench;
mod books;
mod keys;
mod lists;
mod program;
mod tokens;
mod webhook;
