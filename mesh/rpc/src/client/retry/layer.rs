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

use super::{Answer, Repeated, Shared, machine::Attempts, retrying::retrying};
use crate::client::{
    compress,
    hedge::hedging,
    methods::Repeats,
    outgoing::{Collected, Message, Outgoing, Source, Tape, collect},
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
        let request = request.map(|()| body);
        Attempt { request, method, since, trace, transparent: false, alone: false }
    }

    /// Of a call that is not repeated.
    fn alone(self, body: Outgoing) -> Attempt {
        Attempt { alone: true, ..self.with(body) }
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
        match (&method.repeats, body) {
            (&Repeats::Retries { policy, most }, body) => {
                self.retried(request, body, index, Attempts::new(policy, most))
            }
            (Repeats::Hedges { .. }, Outgoing::Whole(message)) => self.hedged(request, message, index),
            (Repeats::Never, Outgoing::Whole(message)) => self.once(request, Outgoing::Lone(message)),
            // Nor can a stream be sent to two servers at once.
            (_, body) => self.once(request, body),
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
        ResponseFuture::Once { inner: self.inner.call(first.alone(body)) }
    }

    fn retried(
        &mut self,
        first: First,
        body: Outgoing,
        index: usize,
        attempts: Attempts,
    ) -> ResponseFuture<S::Future, R> {
        let call = Repeated::new(Arc::clone(&self.shared), index, first.trace);
        let source = match body {
            Outgoing::Whole(message) => Source::Whole(message),
            body => Source::Taped(Tape::new(body, self.shared.replay_bytes_max)),
        };
        ResponseFuture::Repeated { inner: Box::pin(retrying(self.take(), call, attempts, first, source)) }
    }

    fn hedged(&mut self, first: First, message: Message, index: usize) -> ResponseFuture<S::Future, R> {
        let call = Repeated::new(Arc::clone(&self.shared), index, first.trace);
        ResponseFuture::Repeated { inner: Box::pin(hedging(self.take(), call, first, message)) }
    }

    /// The service that is ready makes the first attempt, and its clone serves the next call.
    fn take(&mut self) -> S {
        let next = self.inner.clone();
        std::mem::replace(&mut self.inner, next)
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
