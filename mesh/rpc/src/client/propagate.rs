//! The trace of a call, passed on.

use std::task::{Context, Poll};

use http::Request;
use tower_layer::Layer;
use tower_service::Service;

use crate::trace::{self, TRACEPARENT, TraceContext};

/// Sends `traceparent`: a further step in the trace of the call that this process is handling, or a trace of
/// its own. A caller that has set the header itself knows better.
#[derive(Clone, Copy, Debug)]
pub(super) struct PropagateLayer;

impl<S> Layer<S> for PropagateLayer {
    type Service = Propagate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Propagate { inner }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Propagate<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Propagate<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if !request.headers().contains_key(TRACEPARENT) {
            let trace = trace::current().map_or_else(TraceContext::root, TraceContext::child);
            if let Some(header) = trace.header() {
                request.headers_mut().insert(TRACEPARENT, header);
            }
        }
        self.inner.call(request)
    }
}
