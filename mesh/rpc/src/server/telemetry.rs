//! One span and one line for every call, and the count of calls in flight. The line is a warning when the server
//! is at fault, and else for debugging: at the level `info` calls that go well, or wrong for their callers' own
//! reasons, leave no line.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, uri::PathAndQuery};
use http_body::{Body, Frame, SizeHint};
use mesh_policy::PolicyTable;
use mesh_telemetry::{TraceContext, semconv::rpc};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;

use super::{
    calls, code,
    drain::{Drain, InFlight},
    method,
};
use crate::trace;

/// Tells of each call when it is over: what was called, how it ended, how long it took.
#[derive(Clone, Debug)]
pub(crate) struct TelemetryLayer {
    policies: PolicyTable,
    drain: Arc<Drain>,
}

impl TelemetryLayer {
    pub(crate) fn new(policies: PolicyTable, drain: Arc<Drain>) -> Self {
        Self { policies, drain }
    }
}

impl<S> Layer<S> for TelemetryLayer {
    type Service = Telemetry<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Telemetry { inner, layer: self.clone() }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Telemetry<S> {
    inner: S,
    layer: TelemetryLayer,
}

impl<S, B, R> Service<Request<B>> for Telemetry<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<WatchedBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = Call::start(&request, &self.layer);
        let inner = call.enter(|| self.inner.call(request));
        ResponseFuture { inner, call: Some(call) }
    }
}

/// A call, from its first header to its last byte. Dropping it tells how it ended.
#[derive(Debug)]
pub(crate) struct Call {
    method: &'static str,
    /// What was called, if no contract knows it.
    unknown: Option<PathAndQuery>,
    trace: TraceContext,
    span: Span,
    started: Instant,
    /// `None` until the server has said it: a call that is dropped before is a call that its caller left, or that
    /// was cut because its caller did not read.
    code: Option<Code>,
    _in_flight: InFlight,
}

impl Call {
    fn start<B>(request: &Request<B>, layer: &TelemetryLayer) -> Self {
        let method = method::name(request.uri().path(), &layer.policies);
        let unknown = if method == rpc::OTHER_METHOD { request.uri().path_and_query() } else { None };
        let trace = trace::continued(request.headers());
        let span = tracing::info_span!("call", { rpc::METHOD } = method, trace_id = %trace.trace_id);
        Self {
            method,
            unknown: unknown.cloned(),
            trace,
            span,
            started: Instant::now(),
            code: None,
            _in_flight: layer.drain.start(),
        }
    }

    /// Works on the call: what is logged meanwhile belongs to its span, what is called to its trace.
    fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        self.span.in_scope(|| trace::enter(self.trace, work))
    }

    /// Looks for the status in headers or trailers.
    fn see(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get(Status::GRPC_STATUS) {
            self.code = Some(Code::from_bytes(code.as_bytes()));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = calls::cut().or(self.code).unwrap_or(Code::Cancelled);
        let status = code::name(code);
        let duration_ms = self.started.elapsed().as_micros() as f64 / 1_000.0;
        // The line names the method even though its span does: a filter may have left the span out.
        let method = self.method;
        let unknown = self.unknown.as_ref().map(PathAndQuery::path);
        self.span.in_scope(|| {
            if code::is_fault_of_server(code) {
                tracing::warn!(
                    { rpc::METHOD } = method,
                    { rpc::STATUS_CODE } = status,
                    duration_ms,
                    unknown,
                    "call failed"
                );
            } else {
                tracing::debug!(
                    { rpc::METHOD } = method,
                    { rpc::STATUS_CODE } = status,
                    duration_ms,
                    unknown,
                    "call finished"
                );
            }
        });
    }
}

pin_project! {
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: F,
        call: Option<Call>,
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<WatchedBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(call) = this.call.as_mut() else { return Poll::Pending };
        let response = ready!(call.enter(|| this.inner.poll(cx)))?;
        call.see(response.headers());
        let call = this.call.take();
        Poll::Ready(Ok(response.map(|inner| WatchedBody { inner, call })))
    }
}

pin_project! {
    /// A body whose trailers tell how the call ended.
    #[derive(Debug)]
    pub(crate) struct WatchedBody<B> {
        #[pin]
        inner: B,
        call: Option<Call>,
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for WatchedBody<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        let Some(call) = this.call.as_mut() else { return this.inner.poll_frame(cx) };
        let polled = call.enter(|| this.inner.poll_frame(cx));
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    call.see(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => call.code = Some(status.code()),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
