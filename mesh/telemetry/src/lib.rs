//! Structured logs, metrics and spans, their names, and how they get out of the process.
//!
//! - [`init`] starts logging: human or JSON lines on stderr, written by a thread of its own; [`chain`] is how an
//!   error stands in them, [`Called`] the call that they name.
//! - [`semconv`] is the one place where a metric, span or attribute is spelt.
//! - [`TraceContext`] is what a call or an event carries so that its trace goes on: W3C `traceparent`.
//! - [`export`] sends both to a collector; [`admin`] is the port where Prometheus reads the numbers.
//! - [`Telemetry`] is where channels and servers write numbers ([`metrics`]) and spans ([`spans`]).

pub mod admin;
pub mod export;
mod logs;
pub mod metrics;
pub mod semconv;
pub mod spans;
mod telemetry;
mod trace;

pub use logs::{
    Called, InitError, InvalidFilter, LINES_MAX, LogConfig, LogFilter, LogFormat, LogGuard, UnknownFormat,
    chain, init,
};
pub use telemetry::Telemetry;
pub use trace::{InvalidTraceparent, SAMPLED, SpanId, TRACEPARENT, TraceContext, TraceId};
