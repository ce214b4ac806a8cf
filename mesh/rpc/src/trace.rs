//! The trace of the call that a task is working on.
//!
//! As the deadline, it is a task-local: the server stack puts it there, the client stack sends it on, and what
//! publishes an event finds it with [`current`]. It ends at `tokio::spawn`; [`scope`] takes it along.

use std::future::Future;

use http::{HeaderMap, HeaderName, HeaderValue};
use mesh_telemetry::{SpanId, TRACEPARENT, TraceContext, spans::Sampler};

use crate::wire::unindexed;

tokio::task_local! {
    static CURRENT: TraceContext;
}

pub(crate) const HEADER: HeaderName = HeaderName::from_static(TRACEPARENT);

/// The trace of the call that this task is working on, if it works on one.
pub fn current() -> Option<TraceContext> {
    CURRENT.try_with(|trace| *trace).ok()
}

/// Runs `future` as a part of `trace`: calls that it makes belong to it. For work that no call began, such as
/// the handling of an event.
pub async fn scope<F: Future>(trace: TraceContext, future: F) -> F::Output {
    CURRENT.scope(trace, future).await
}

/// Polls something of a call as a part of that call's trace.
pub(crate) fn enter<T>(trace: TraceContext, poll: impl FnOnce() -> T) -> T {
    CURRENT.sync_scope(trace, poll)
}

/// The next place in the caller's trace and the caller, or the first place in a new trace, which `sampler` samples or
/// not: what is no trace counts as none (W3C Trace Context, section 4.3).
pub(crate) fn continued(headers: &HeaderMap, sampler: &Sampler) -> (TraceContext, Option<SpanId>) {
    match sent(headers) {
        Some(caller) => (caller.child(), Some(caller.span_id)),
        None => (sampler.root(), None),
    }
}

/// The trace that a request belongs to.
pub(crate) fn sent(headers: &HeaderMap) -> Option<TraceContext> {
    let header = headers.get(HEADER)?.to_str().ok()?;
    TraceContext::parse(header).ok()
}

pub(crate) fn header(trace: &TraceContext) -> HeaderValue {
    unindexed(HeaderValue::from_bytes(&trace.encode()).expect("hex digits and dashes are a header value"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_never_indexed_and_is_read_as_it_was_written() {
        let trace = TraceContext::root();
        let header = header(&trace);
        assert!(header.is_sensitive());
        assert_eq!(sent(&HeaderMap::from_iter([(HEADER, header)])), Some(trace));
    }
}
