//! RabbitMQ from Debian's package.

mod broker;
mod config;

pub(super) use broker::{amqp, control, is_running, management, servers, start};
pub(super) use config::MEMORY_MAX;
