//! Structured logs, the names of every metric and span, context propagation.
