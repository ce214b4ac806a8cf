//! The client: what it calls ([`Target`]), what each call passes through (`stack`), and the connections that
//! it keeps (`endpoint`).

mod backoff;
mod balance;
mod channel;
mod config;
mod deadline;
mod dial;
mod endpoint;
mod endpoints;
mod propagate;
mod received;
mod resolve;
mod stack;
mod target;

pub use channel::{Channel, ChannelBuilder, ResponseBody, ResponseFuture};
pub use config::{ChannelConfig, ChannelConfigError};
pub use target::{Target, TargetError};
