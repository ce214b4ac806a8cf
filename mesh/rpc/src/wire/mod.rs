//! HTTP/2 as the mesh speaks it, straight over h2: a connection is one task, and a call is none.
//!
//! What a call costs is mostly hops between tasks and system calls. hyper's client hands a call to a dispatcher,
//! that one to the connection, and starts a task for each body; its server starts a task for each call. In between
//! the connection is polled as soon as it is woken, and so writes each call by itself. Here
//! - a caller puts its frames into the connection by itself, and is woken by it;
//! - a server begins all calls that came with one read before it writes anything, in the connection's own task; a
//!   call gets a task only if it has to wait;
//! - a connection that is woken lets all others have their turn first ([`turn`]), so what they say together leaves
//!   with one write;
//! - keepalive ([`keepalive`]) looks at the clock once for each read, and not once for each frame.

mod batch;
mod client;
mod exchange;
mod frames;
mod guard;
mod heard;
mod incoming;
mod keepalive;
mod linger;
mod pump;
mod server;
mod turn;
mod unindexed;

pub(crate) use client::{ClientConnection, ClientSettings, ConnectionError, SendRequest};
pub(crate) use guard::GuardSettings;
pub(crate) use server::{Respond, Serve, ServerConnection, ServerSettings};
pub(crate) use unindexed::unindexed;
pub(crate) use {exchange::Exchange, incoming::Incoming, keepalive::KeepaliveSettings};

#[cfg(test)]
mod tests;
