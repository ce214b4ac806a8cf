//! Telemetry of calls, all their attempts included.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use mesh_telemetry::{SpanId, TraceContext, semconv::rpc, spans::Recording};
use tokio::time::Instant;
use tonic::{Code, Status, body::Body};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    instant,
    instruments::{self, Instruments},
    observed::{Observed, Observer, Observing},
};
use crate::{
    client::retry::{Call, Shared},
    deadline::{self, Deadline},
    trace::{self, HEADER},
};

/// Tells of each call when it is over, and sends `traceparent`: a further step in the trace of the call that this
/// process is handling, or a trace of its own. A caller that has set the header itself knows better.
///
/// On the way the method of the call is looked up, once for all layers below.
#[derive(Clone, Debug)]
pub(in crate::client) struct CallsLayer {
    shared: Arc<Shared>,
}

impl CallsLayer {
    pub(in crate::client) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for CallsLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Calls { inner, shared: Arc::clone(&self.shared) }
    }
}

#[derive(Clone, Debug)]
pub(in crate::client) struct Calls<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, R> Service<Request<Body>> for Calls<S>
where
    S: Service<Call, Response = Response<R>, Error = Status>,
{
    type Response = Response<Observed<R, UnderWay>>;
    type Error = Status;
    type Future = Observing<S::Future, UnderWay>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let started = Instant::now();
        let method = self.shared.methods.find(request.uri().path());
        let begun = begin_span(&self.shared.instruments, &mut request, method);
        let (trace, recording) = begun.unzip();
        let deadline = deadline::current();
        let under_way =
            UnderWay { shared: Arc::clone(&self.shared), method, started, deadline, recording, over: false };
        let inner = self.inner.call(Call { request, method, since: started, trace });
        Observing::new(inner, under_way)
    }
}

/// Sees to it that the request carries its trace; begins the span of the call if its trace is sampled.
fn begin_span<B>(
    instruments: &Instruments,
    request: &mut Request<B>,
    method: Option<usize>,
) -> Option<(TraceContext, Box<Recording>)> {
    let record = |(context, parent): &(TraceContext, Option<SpanId>)| {
        instruments.record(context, *parent, rpc::CALL_SPAN_PREFIX, method)
    };
    if request.headers().contains_key(HEADER) {
        if !instruments.telemetry.spans().is_open() {
            return None;
        }
        let caller = trace::sent(request.headers())?;
        let place = (caller.child(), Some(caller.span_id));
        let recording = record(&place)?;
        request.headers_mut().insert(HEADER, trace::header(&place.0));
        return Some((place.0, recording));
    }
    let place = match trace::current() {
        Some(current) => (current.child(), Some(current.span_id)),
        None => (instruments.telemetry.sampler().root(), None),
    };
    request.headers_mut().insert(HEADER, trace::header(&place.0));
    Some((place.0, record(&place)?))
}

/// A call under way.
#[derive(Debug)]
pub(in crate::client) struct UnderWay {
    shared: Arc<Shared>,
    method: Option<usize>,
    started: Instant,
    /// Of the call that this one is made for.
    deadline: Option<Deadline>,
    recording: Option<Box<Recording>>,
    over: bool,
}

impl UnderWay {
    fn end(&mut self, now: Instant, code: Code, message: Option<&str>) {
        self.over = true;
        let duration = now - self.started;
        self.shared.instruments.metrics.method(self.method).call_ended(code as i32, duration);
        if let Some(recording) = self.recording.take() {
            instruments::end(*recording, duration, code, message);
        }
    }
}

impl Observer for UnderWay {
    fn watch<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        instant::forget();
        poll()
    }

    fn data(&mut self, _: &Bytes) {}

    fn ended(&mut self, code: Code, error: Option<&Status>) {
        self.end(instant::call_ended(), code, error.map(Status::message));
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

/// The status of what nobody waits for any more.
pub(super) fn abandoned(deadline: Option<Deadline>, now: Instant) -> Code {
    match deadline {
        Some(deadline) if deadline.instant() <= now => Code::DeadlineExceeded,
        _ => Code::Cancelled,
    }
}
