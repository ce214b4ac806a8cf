//! Telemetry of attempts: below whatever repeats a call, around the choice of an endpoint.

use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use mesh_telemetry::{
    TraceContext,
    metrics::{AttemptEnd, Repeats},
    semconv::rpc,
    spans::{Recording, SpanValue},
};
use tokio::time::Instant;
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    calls::abandoned,
    instant, instruments,
    observed::{Observed, Observer, Observing},
};
use crate::{
    client::{
        attempt::{self, PREVIOUS_ATTEMPTS, Told},
        outgoing::Outgoing,
        retry::Shared,
    },
    deadline::{self, Deadline},
    error::MeshError,
    meter::Meter,
    trace,
};

/// One attempt of a call, on its way down.
#[derive(Debug)]
pub(in crate::client) struct Attempt {
    pub(in crate::client) request: Request<Outgoing>,
    /// The place of the method, if a contract knows it.
    pub(in crate::client) method: Option<usize>,
    /// When it began.
    pub(in crate::client) since: Instant,
    /// The span of the call, if it has one.
    pub(in crate::client) trace: Option<TraceContext>,
    /// Whether it is made because nobody has seen the one before.
    pub(in crate::client) transparent: bool,
    /// Whether it is the only one that its call may have: nobody above counts how often it is sent once more.
    pub(in crate::client) alone: bool,
}

/// Tells of each attempt when it is over.
#[derive(Clone, Debug)]
pub(in crate::client) struct AttemptsLayer {
    shared: Arc<Shared>,
}

impl AttemptsLayer {
    pub(in crate::client) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for AttemptsLayer {
    type Service = Attempts<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Attempts { inner, shared: Arc::clone(&self.shared) }
    }
}

#[derive(Clone, Debug)]
pub(in crate::client) struct Attempts<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, R> Service<Attempt> for Attempts<S>
where
    S: Service<Request<Outgoing>, Response = Response<R>, Error = Status>,
{
    type Response = Response<Observed<R, UnderWay>>;
    type Error = Status;
    type Future = Observing<S::Future, UnderWay>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut attempt: Attempt) -> Self::Future {
        self.shared.instruments.metrics.method(attempt.method).attempt_started();
        let recording = self.begin_span(&mut attempt);
        let Attempt { request, method, since, alone, .. } = attempt;
        let (request, sent) = measured(request);
        let under_way = UnderWay {
            shared: Arc::clone(&self.shared),
            method,
            since,
            deadline: deadline::current(),
            sent,
            received: Meter::default(),
            recording,
            alone,
            resent: 0,
            over: false,
        };
        Observing::new(self.inner.call(request), under_way)
    }
}

impl<S> Attempts<S> {
    /// The server's span is below the attempt's: `traceparent` says so.
    fn begin_span(&self, attempt: &mut Attempt) -> Option<Box<Recording>> {
        let call = attempt.trace?;
        let context = call.child();
        let mut recording = self.shared.instruments.record(
            &context,
            Some(call.span_id),
            rpc::ATTEMPT_SPAN_PREFIX,
            attempt.method,
        )?;
        let headers = attempt.request.headers_mut();
        headers.insert(trace::HEADER, trace::header(&context));
        let previous = headers.get(PREVIOUS_ATTEMPTS).and_then(|value| value.to_str().ok()?.parse().ok());
        recording.set(rpc::PREVIOUS_ATTEMPTS, SpanValue::Integer(previous.unwrap_or(0)));
        recording.set(rpc::TRANSPARENT_RETRY, SpanValue::Flag(attempt.transparent));
        Some(recording)
    }
}

/// The bytes of a request's messages.
#[derive(Debug)]
enum Sent {
    /// There is one, and it is known.
    Whole(u64),
    /// They are counted as they are sent.
    Stream(Arc<AtomicU64>),
}

fn measured(request: Request<Outgoing>) -> (Request<Outgoing>, Sent) {
    if let Outgoing::Whole(message) | Outgoing::Lone(message) = request.body() {
        let sent = Sent::Whole(Meter::of(&message.bytes));
        return (request, sent);
    }
    let sent = Arc::default();
    let request = request.map(|body| body.measured(Arc::clone(&sent)));
    (request, Sent::Stream(sent))
}

/// An attempt under way.
#[derive(Debug)]
pub(in crate::client) struct UnderWay {
    shared: Arc<Shared>,
    method: Option<usize>,
    since: Instant,
    deadline: Option<Deadline>,
    sent: Sent,
    received: Meter,
    recording: Option<Box<Recording>>,
    alone: bool,
    /// If it is alone: how often it was sent once more.
    resent: u32,
    over: bool,
}

impl UnderWay {
    fn end(&mut self, now: Instant, code: Code, error: Option<&Status>) {
        self.over = true;
        let never_left = error.and_then(MeshError::of_status).is_some_and(MeshError::is_unsent);
        let sent = match &self.sent {
            Sent::Whole(_) if never_left => 0,
            Sent::Whole(bytes) => *bytes,
            Sent::Stream(bytes) => bytes.load(Ordering::Relaxed),
        };
        let end = AttemptEnd {
            code: code as i32,
            duration: now.saturating_duration_since(self.since),
            sent,
            received: self.received.bytes(),
        };
        let metrics = self.shared.instruments.metrics.method(self.method);
        metrics.attempt_ended(&end);
        if self.resent > 0 {
            metrics.call_repeated(&Repeats { transparent_retries: self.resent, ..Repeats::default() });
        }
        if let Some(recording) = self.recording.take() {
            instruments::end(*recording, end.duration, code, error.map(Status::message));
        }
    }
}

impl Observer for UnderWay {
    fn watch<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        if self.recording.is_none() && !self.alone {
            return poll();
        }
        let mut told = Told::default();
        let polled = attempt::watch(&mut told, poll);
        if self.alone {
            self.resent = self.resent.saturating_add(told.resent);
        }
        if let (Some(address), Some(recording)) = (told.picked, &mut self.recording) {
            let peer = SpanValue::Text(Cow::Owned(address.to_string()));
            recording.set(rpc::NETWORK_PEER_ADDRESS, peer);
        }
        attempt::pass_on(told);
        polled
    }

    fn head(&mut self) {
        // From now on nothing is sent once more.
        self.alone = false;
    }

    fn data(&mut self, data: &Bytes) {
        self.received.see(data);
    }

    fn ended(&mut self, code: Code, error: Option<&Status>) {
        self.end(instant::attempt_ended(), code, error);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if !self.over {
            let now = Instant::now();
            self.end(now, abandoned(self.deadline, now), None);
        }
    }
}
