//! Numbers and spans on their way to a collector: OTLP over HTTP, protobuf bodies, without TLS: a collector is an agent
//! on the same node.
//!
//! One task sends both. Nobody who serves calls waits for it: spans that it does not take in time are dropped and
//! counted by their [queue](crate::spans::SpanQueue), and of numbers the next report tells all that the last one would
//! have. A collector that is away, says no, or never answers costs the task its patience and nothing else.

mod endpoint;
mod exporter;
mod metrics;
mod otlp;
mod post;
mod resource;
mod spans;

pub use endpoint::{Endpoint, InvalidEndpoint};
pub(crate) use exporter::unix_nanos;
pub use exporter::{ExportConfig, Exporter};
pub use post::{Connect, ExportError, Tcp};
pub use resource::{InvalidResource, Resource};

#[cfg(test)]
mod tests;
