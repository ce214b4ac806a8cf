//! RabbitMQ's management API: virtual hosts, bindings, queues. As much of it as tests and faults need.

mod api;
mod http;

pub use api::{Binding, Management, ManagementError};
