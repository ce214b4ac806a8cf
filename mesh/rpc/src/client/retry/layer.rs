//! The layer between the deadline of a call and the choice of an endpoint for an attempt.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use mesh_telemetry::TraceContext;
use pin_project_lite::pin_project;
use tokio::time::Instant;
use tonic::{Status, body::Body};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    Answer, Repeated, Shared,
    retrying::{Source, retrying},
};
use crate::client::{
    compress,
    hedge::hedging,
    methods::Repeats,
    outgoing::{Collected, Outgoing, Tape, collect},
    telemetry::Attempt,
};

/// A call on its way down.
#[derive(Debug)]
pub(in crate::client) struct Call {
    pub(in crate::client) request: Request<Body>,
    /// The place of its method in [`Shared::methods`], looked up once.
    pub(in crate::client) method: Option<usize>,
    /// When it was made.
    pub(in crate::client) since: Instant,
    /// Its span, if it has one.
    pub(in crate::client) trace: Option<TraceContext>,
}

/// The first attempt of a call, but for its body.
pub(in crate::client) struct First {
    pub(in crate::client) request: Request<()>,
    method: Option<usize>,
    since: Instant,
    trace: Option<TraceContext>,
}

impl First {
    pub(in crate::client) fn with(self, body: Outgoing) -> Attempt {
        let Self { request, method, since, trace } = self;
        Attempt { request: request.map(|()| body), method, since, trace, transparent: false }
    }
}

/// Repeats what the contract of a method allows to be repeated.
#[derive(Clone, Debug)]
pub(in crate::client) struct RepeatLayer {
    shared: Arc<Shared>,
}

impl RepeatLayer {
    pub(in crate::client) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for RepeatLayer {
    type Service = Repeat<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Repeat { inner, shared: Arc::clone(&self.shared) }
    }
}

/// Sends a call once, or as often as its contract and the budget allow.
///
/// A unary call's message is taken out of its box on the way: see [`Outgoing`].
#[derive(Clone, Debug)]
pub(in crate::client) struct Repeat<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S, R> Service<Call> for Repeat<S>
where
    S: Service<Attempt, Response = Response<R>, Error = Status> + Clone + Send + 'static,
    S::Future: Send + Unpin,
    R: Send + 'static,
{
    type Response = Response<Answer<R>>;
    type Error = Status;
    type Future = ResponseFuture<S::Future, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, Call { request, method, since, trace }: Call) -> Self::Future {
        let (mut head, body) = request.into_parts();
        let writer = compress::begin(&mut head.headers, self.shared.compression);
        let request = First { request: Request::from_parts(head, ()), method, since, trace };
        // A call of no known method may be a stream, whose caller is to be asked for no more than HTTP/2 can take.
        let Some((index, method)) = method.map(|index| (index, self.shared.methods.get(index))) else {
            return self.once(request, compress::stream(Outgoing::streamed(body), writer));
        };
        let collected = if method.policy.client_streaming {
            Collected::Streamed(Outgoing::streamed(body))
        } else {
            collect(body)
        };
        let body = match collected {
            Collected::Failed(status) => return ResponseFuture::Refused { status: Some(status) },
            Collected::Whole(bytes) => {
                let message = method.message(bytes, request.request.headers());
                Outgoing::Whole(compress::message(message, writer))
            }
            Collected::Streamed(body) => compress::stream(body, writer),
        };
        let is_repeated = match (&method.repeats, &body) {
            (Repeats::Never, _) => false,
            (Repeats::Retries { .. }, _) | (Repeats::Hedges { .. }, Outgoing::Whole(_)) => true,
            // A stream cannot be sent to two servers at once.
            (Repeats::Hedges { .. }, _) => false,
        };
        match body {
            body if is_repeated => ResponseFuture::Repeated { inner: self.repeated(request, body, index) },
            Outgoing::Whole(message) => self.once(request, Outgoing::Lone(message)),
            body => self.once(request, body),
        }
    }
}

impl<S, R> Repeat<S>
where
    S: Service<Attempt, Response = Response<R>, Error = Status> + Clone + Send + 'static,
    S::Future: Send + Unpin,
    R: Send + 'static,
{
    fn once(&mut self, first: First, body: Outgoing) -> ResponseFuture<S::Future, R> {
        ResponseFuture::Once { inner: self.inner.call(first.with(body)) }
    }

    fn repeated(
        &mut self,
        first: First,
        body: Outgoing,
        index: usize,
    ) -> BoxFuture<'static, Result<Response<Answer<R>>, Status>> {
        // The service that is ready makes the first attempt, and its clone serves the next call.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let call = Repeated::new(Arc::clone(&self.shared), index, first.trace);
        let is_hedged = matches!(call.method().repeats, Repeats::Hedges { .. });
        match body {
            Outgoing::Whole(message) if is_hedged => Box::pin(hedging(inner, call, first, message)),
            Outgoing::Whole(message) => Box::pin(retrying(inner, call, first, Source::Whole(message))),
            body => {
                let tape = Tape::new(body, self.shared.replay_bytes_max);
                Box::pin(retrying(inner, call, first, Source::Taped(tape)))
            }
        }
    }
}

pin_project! {
    /// The head of the answer.
    #[project = ResponseFutureProject]
    pub(in crate::client) enum ResponseFuture<F, R> {
        Once { #[pin] inner: F },
        Repeated { inner: BoxFuture<'static, Result<Response<Answer<R>>, Status>> },
        Refused { status: Option<Status> },
    }
}

impl<F, R> Future for ResponseFuture<F, R>
where
    F: Future<Output = Result<Response<R>, Status>>,
{
    type Output = Result<Response<Answer<R>>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseFutureProject::Once { inner } => Poll::Ready(Answer::give(ready!(inner.poll(cx)), None)),
            ResponseFutureProject::Repeated { inner } => inner.as_mut().poll(cx),
            ResponseFutureProject::Refused { status } => match status.take() {
                Some(status) => Poll::Ready(Err(status)),
                None => Poll::Pending,
            },
        }
    }
}
