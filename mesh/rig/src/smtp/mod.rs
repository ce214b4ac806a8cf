//! A mail server for tests, which can be made to misbehave: with or without TLS, counting what arrives.

mod authority;
mod conversation;
mod envelope;
mod faults;
mod mailbox;
mod sink;

pub use faults::{Fault, Faults, Stage};
pub use mailbox::{Delivery, Mailbox};
pub use sink::{Security, Sink, SinkError};
