//! The consumer runtime: takes deliveries, runs a handler, settles by what came out.

mod config;
mod handler;
mod handling;
mod ladder;
mod runtime;
mod session;
#[cfg(test)]
mod tests;

pub use config::ConsumerConfig;
pub use handler::{BoxError, HandleError, Handler};
pub use ladder::Ladder;
pub use runtime::Consumer;
