//! The connections to one endpoint: as many as its calls need, and no more than it may have (gRFC A105).

mod config;
mod connection;
mod connections;

pub use config::PoolConfig;
pub(super) use connection::{Connection, INITIAL_STREAMS, Peer};
pub(super) use connections::{NoStream, Pool};
