//! Real servers for tests and for developers: one CQL node or three, and a RabbitMQ broker.
//!
//! Where a server comes from, first match wins:
//! 1. An address in the environment, `MESH_RIG_CQL` (`host:port`, separated by commas) or `MESH_RIG_AMQP`
//!    (`host:port`): nothing is started and nothing is stopped.
//! 2. Docker with a running engine: the images of ScyllaDB and RabbitMQ.
//! 3. Apache Cassandra 5.0 from Maven, on Java 17, and Debian's `rabbitmq-server`. What is missing is installed with
//!    apt where this runs as root.
//!
//! Servers outlive the command that started them. Each runs in a session of its own, with its data under
//! `target/rig`, and its processes bear the path of that folder in their environment. They are found and stopped by
//! that mark: a process that merely got the number of one that is gone is never touched. This needs `/proc`, so
//! Linux.

mod apt;
mod cassandra;
mod commands;
mod discovery;
mod docker;
mod down;
mod error;
mod folders;
mod probe;
mod process;
mod rabbitmq;
mod running;
mod up;
mod wanted;

pub use down::down;
pub use error::ServersError;
pub use running::{Running, running};
pub use up::{Servers, up};
pub use wanted::{Kind, Wanted};
