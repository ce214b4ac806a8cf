//! The relay: brings what is in the outbox onto the bus.

mod config;
mod look;
mod marks;
mod published;
mod publisher;
mod runtime;
#[cfg(test)]
mod tests;

pub use config::RelayConfig;
pub use publisher::Publisher;
pub use runtime::Relay;
