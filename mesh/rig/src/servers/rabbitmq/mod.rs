//! RabbitMQ from Debian's package.

mod broker;
mod config;

pub(super) use broker::{AMQP, MANAGEMENT, is_running, servers, start};
