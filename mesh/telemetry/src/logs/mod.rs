//! Logs: what happened, a line each, on stderr.

mod called;
mod chain;
mod config;
mod filter;
mod guard;
mod line;
mod start;
mod subscriber;

pub use called::Called;
pub use chain::chain;
pub use config::{LogConfig, LogFormat, UnknownFormat};
pub use filter::{InvalidFilter, LogFilter};
pub use guard::{LINES_MAX, LogGuard};
pub use start::{InitError, init};

#[cfg(test)]
mod tests;
