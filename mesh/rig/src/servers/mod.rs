//! Real servers for tests and for developers: one CQL node or three, and a RabbitMQ broker.
//!
//! Where a server comes from, first match wins:
//! 1. An address in the environment, `MESH_RIG_CQL` (`host:port`, separated by commas) or `MESH_RIG_AMQP`
//!    (`host:port`): nothing is started and nothing is stopped.
//! 2. Docker with a running engine: the images of ScyllaDB and RabbitMQ.
//! 3. Apache Cassandra 5.0 from Maven, on Java 17, and Debian's `rabbitmq-server`. What is missing is installed with
//!    apt where this runs as root.
//!
//! `MESH_RIG_MANAGEMENT` (`host:port`) and `MESH_RIG_AMQP_LOGIN` (`user:password`) tell more of a broker that is given.
//! With `MESH_RIG_FOLDER` and `MESH_RIG_PORT_OFFSET` a second set of servers runs beside the usual one; a folder in
//! memory, such as one under `/dev/shm`, makes creating and dropping tables three times as fast.
//!
//! Servers outlive the command that started them. Each runs in a session of its own, with its data under
//! `target/rig`, and its processes bear the path of that folder in their environment. They are found and stopped by
//! that mark: a process that merely got the number of one that is gone is never touched. This needs `/proc`, so
//! Linux.

mod apt;
mod broker;
mod cassandra;
mod commands;
mod discovery;
mod docker;
mod down;
mod error;
mod folders;
mod place;
mod probe;
mod process;
mod rabbitmq;
mod running;
mod snapshot;
mod up;
mod victim;
mod wanted;

pub use broker::{Broker, Login, broker, contact_points};
pub use down::down;
pub use error::ServersError;
pub use folders::audience;
pub use place::{Beside, beside};
pub use running::{Running, running};
pub use snapshot::Snapshot;
pub use up::{Servers, up};
pub use victim::{Victim, memory_alarm};
pub use wanted::{Kind, Wanted};
