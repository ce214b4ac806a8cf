//! What a call or an event carries so that its trace goes on: W3C Trace Context, level 1.
//!
//! A call carries it as the header [`TRACEPARENT`], an event as a field. `tracestate` is not carried: it
//! is optional, and belongs to vendors of whom there are none in the house.

mod context;
mod id;
mod parse;

pub use context::{SAMPLED, TRACEPARENT, TraceContext};
pub use id::{SpanId, TraceId};
pub use parse::InvalidTraceparent;

#[cfg(test)]
mod tests;
