//! Structured logs, the names of every metric and span, context propagation.
//!
//! - [`init`] starts logging: human or JSON lines on stderr, written by a thread of its own; [`chain`] is how an
//!   error stands in them.
//! - [`semconv`] is the one place where a metric, span or attribute is spelt.
//! - [`TraceContext`] is what a call or an event carries so that its trace goes on: W3C `traceparent`.

mod logs;
pub mod semconv;
mod trace;

pub use logs::{
    InitError, InvalidFilter, LINES_MAX, LogConfig, LogFilter, LogFormat, LogGuard, UnknownFormat, chain,
    init,
};
pub use trace::{InvalidTraceparent, SAMPLED, SpanId, TRACEPARENT, TraceContext, TraceId};
