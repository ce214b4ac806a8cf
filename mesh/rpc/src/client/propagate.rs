//! The trace of a call, passed on.

use std::task::{Context, Poll};

use http::Request;
use mesh_telemetry::TraceContext;
use tower_layer::Layer;
use tower_service::Service;

use crate::trace::{self, HEADER};

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
        if !request.headers().contains_key(HEADER) {
            let trace = trace::current().map_or_else(TraceContext::root, |current| current.child());
            request.headers_mut().insert(HEADER, trace::header(&trace));
        }
        self.inner.call(request)
    }
}
