//! Spans: what happened in a trace, kept until an exporter takes it.
//!
//! Whether a trace is recorded is decided where it begins, by a share of all traces ([`Sampler`]); everybody below
//! goes by the flag that `traceparent` carries. Of a trace that is not sampled nobody makes a span. Spans that are
//! over wait in a queue with a bound; when an exporter is too slow, or there is none, new ones are dropped and counted.

mod queue;
mod sampler;
mod span;

pub(crate) use queue::BATCH;
pub use queue::{SPANS_MAX, SpanQueue};
pub use sampler::{InvalidRatio, Sampler};
pub use span::{Recording, Span, SpanKind, SpanStatus, SpanValue};
