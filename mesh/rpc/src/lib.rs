//! The client stack and the server stack of the mesh, over hyper's HTTP/2.
//!
//! tonic gives the generated code, the codecs and [`tonic::Status`]; its transport is not used. A [`Server`]
//! runs generated services, a [`Channel`] is what every generated client calls through. Each has its stack of
//! layers written down in one function, a line a layer: `server/stack.rs` and `client/stack.rs`.
//!
//! What holds on both sides:
//! - one [deadline] per logical call, shrinking from hop to hop, over the head of an answer and its body;
//! - an error that the mesh makes says so: `ErrorInfo{domain: "mesh", reason}`, see [`MeshError`];
//! - time is tokio's, and [`Listener`], [`Connector`] and the seed of all randomness are given from outside:
//!   the same code runs on a simulated network.

mod bounded;
mod client;
pub mod deadline;
mod error;
mod executor;
mod grpc_timeout;
mod network;
mod server;
mod trace;

pub use client::{
    Channel, ChannelBuilder, ChannelConfig, ChannelConfigError, ResponseBody, ResponseFuture, Target,
    TargetError,
};
pub use error::{DOMAIN, MeshError, Side};
pub use network::{Connector, Listener, Tcp};
pub use server::{BuildError, Drained, Health, ServeError, Server, ServerBuilder, ServerConfig};
