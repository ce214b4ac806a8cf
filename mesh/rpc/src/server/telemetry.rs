//! What a server tells of every call: the numbers of gRFC A66, a span if its trace is sampled (gRFC A72), one line in
//! the log, and the count of calls in flight. The line is a warning when the server is at fault, and else for
//! debugging: at the level `info` calls that go well, or wrong for their callers' own reasons, leave no line.

use std::{
    borrow::Cow,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, uri::PathAndQuery};
use http_body::{Body, Frame, SizeHint};
use mesh_telemetry::{
    Called, TraceContext,
    semconv::rpc,
    spans::{Recording, SpanKind, SpanStatus, SpanValue},
};
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;

use super::{
    calls, code,
    drain::{Drain, InFlight},
    instruments::Instruments,
};
use crate::{
    meter::{self, Meter, Metered, Reader},
    trace,
};

/// Tells of each call when it is over: what was called, how it ended, how long it took, how much was said.
#[derive(Clone, Debug)]
pub(crate) struct TelemetryLayer {
    instruments: Arc<Instruments>,
    drain: Arc<Drain>,
}

impl TelemetryLayer {
    pub(crate) fn new(instruments: Arc<Instruments>, drain: Arc<Drain>) -> Self {
        Self { instruments, drain }
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
    S: Service<Request<Metered<B>>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<WatchedBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut call = Call::start(&request, &self.layer);
        let reader = call.reader();
        let request = request.map(|body| Metered::new(body, reader));
        let inner = call.enter(|| self.inner.call(request));
        ResponseFuture { inner, call: Some(call) }
    }
}

/// A call, from its first header to its last byte. Dropping it tells how it ended.
#[derive(Debug)]
pub(crate) struct Call {
    instruments: Arc<Instruments>,
    method: usize,
    /// What was called, if no contract knows it.
    unknown: Option<PathAndQuery>,
    trace: TraceContext,
    span: Span,
    /// Of a trace that is sampled.
    recording: Option<Box<Recording>>,
    started: Instant,
    sent: Meter,
    received: u64,
    /// What was received where another task may read it.
    elsewhere: Option<Arc<AtomicU64>>,
    /// `None` until the server has said it: a call that is dropped before is a call that its caller left, or that
    /// was cut because its caller did not read.
    code: Option<Code>,
    _in_flight: InFlight,
}

impl Call {
    fn start<B>(request: &Request<B>, layer: &TelemetryLayer) -> Self {
        let instruments = Arc::clone(&layer.instruments);
        let method = instruments.metrics.find(request.uri().path());
        instruments.metrics.method(method).started();
        let is_other = instruments.metrics.is_other(method);
        let unknown = if is_other { request.uri().path_and_query() } else { None };
        let (trace, parent) = trace::continued(request.headers(), instruments.telemetry.sampler());
        let name = name(&instruments, method);
        let recording = instruments
            .telemetry
            .record(&trace, parent, SpanKind::Server, || rpc::span_name(rpc::SERVER_SPAN_PREFIX, name));
        // For subscribers of others: our own lines name the call by themselves.
        let span = tracing::info_span!(
            target: Called::SPAN, "call", { rpc::METHOD } = %name, trace_id = %trace.trace_id
        );
        Self {
            method,
            unknown: unknown.cloned(),
            trace,
            span,
            recording,
            started: Instant::now(),
            sent: Meter::default(),
            received: 0,
            elsewhere: None,
            code: None,
            _in_flight: layer.drain.start(),
            instruments,
        }
    }

    /// Where the request tells what was read of it.
    fn reader(&mut self) -> Reader {
        if !self.instruments.is_stream(self.method) {
            return Reader::Here;
        }
        Reader::Anywhere(Arc::clone(self.elsewhere.get_or_insert_default()))
    }

    /// Works on the call: what is logged meanwhile belongs to its span, what is called to its trace.
    fn enter<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let called = self.called();
        let Self { span, trace, received, .. } = self;
        called.enter(|| span.in_scope(|| trace::enter(*trace, || meter::reading(received, work))))
    }

    /// As its lines name it.
    fn called(&self) -> Called {
        Called { method: name(&self.instruments, self.method), trace_id: self.trace.trace_id }
    }

    /// Counts what is sent.
    fn sends(&mut self, frame: &Frame<Bytes>) {
        if let Some(data) = frame.data_ref() {
            self.sent.see(data);
        }
    }

    /// Looks for the status in headers or trailers.
    fn see(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get(Status::GRPC_STATUS) {
            self.code = Some(Code::from_bytes(code.as_bytes()));
        }
    }
}

/// The name of a method in logs and spans.
fn name(instruments: &Instruments, method: usize) -> &'static str {
    if instruments.metrics.is_other(method) {
        rpc::OTHER_METHOD
    } else {
        instruments.metrics.method(method).name()
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let code = calls::cut().or(self.code).unwrap_or(Code::Cancelled);
        let duration = self.started.elapsed();
        let elsewhere = self.elsewhere.as_ref().map_or(0, |read| read.load(Ordering::Relaxed));
        let method = self.instruments.metrics.method(self.method);
        method.ended(code as i32, duration, self.sent.bytes(), self.received + elsewhere);
        self.tell_span(code, duration);
        self.tell_log(code, duration);
    }
}

impl Call {
    fn tell_span(&mut self, code: Code, duration: Duration) {
        let Some(mut recording) = self.recording.take() else { return };
        let status = code::name(code);
        let text = |text: &'static str| SpanValue::Text(Cow::Borrowed(text));
        recording.set(rpc::SYSTEM_NAME, text(rpc::SYSTEM_GRPC));
        recording.set(rpc::METHOD, text(name(&self.instruments, self.method)));
        recording.set(rpc::STATUS_CODE, text(status));
        let at_fault = code::is_fault_of_server(code);
        if at_fault {
            recording.set(rpc::ERROR_TYPE, text(status));
        }
        // What is the caller's fault is no error of the server's (OpenTelemetry, "gRPC").
        let status = match code {
            Code::Ok => SpanStatus::Ok,
            _ if at_fault => SpanStatus::Error(Cow::Borrowed(status)),
            _ => SpanStatus::Unset,
        };
        recording.end(duration, status);
    }

    fn tell_log(&self, code: Code, duration: Duration) {
        let status = code::name(code);
        let duration_ms = duration.as_micros() as f64 / 1_000.0;
        // The line names the method even though its span does: the filter of another subscriber may have left that out.
        let method = name(&self.instruments, self.method);
        let unknown = self.unknown.as_ref().map(PathAndQuery::path);
        let line = || {
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
        };
        self.called().enter(|| self.span.in_scope(line));
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
            Poll::Ready(Some(Ok(frame))) => match frame.trailers_ref() {
                Some(trailers) => call.see(trailers),
                None => call.sends(frame),
            },
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
