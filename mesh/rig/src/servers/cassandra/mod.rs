//! Apache Cassandra from its jars.

mod config;
mod jars;
mod java;
mod node;

pub(super) use node::{Node, running, start};
