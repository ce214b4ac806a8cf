//! Deadlines on the server: over the head of the answer, its body, and the reading of the request.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use mesh_policy::PolicyTable;
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::calls;
use crate::{
    bounded::{Bounded, Ending, exceeded},
    deadline::{Alarm, Deadline, enter},
    error::{MeshError, Stage},
    grpc_timeout::{self, GRPC_TIMEOUT},
};

/// Gives each call the sooner of two deadlines: what the caller asks for in `grpc-timeout`, and what the
/// contract promises. A call with neither has none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeadlineLayer {
    policies: PolicyTable,
}

impl DeadlineLayer {
    pub(crate) fn new(policies: PolicyTable) -> Self {
        Self { policies }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = EnforceDeadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EnforceDeadline { inner, policies: self.policies }
    }
}

/// Ends every call at its deadline as DEADLINE_EXCEEDED: drops a handler that has not answered, ends a body
/// that is still streaming with trailers, and stops the reading of a request that is still coming. A caller that
/// does not read its answer is not waited for longer either: `calls` sees to that.
#[derive(Clone, Debug)]
pub(crate) struct EnforceDeadline<S> {
    inner: S,
    policies: PolicyTable,
}

impl<S> EnforceDeadline<S> {
    fn deadline_of<B>(&self, request: &Request<B>) -> Result<Option<Deadline>, MeshError> {
        let promised = self.policies.get(request.uri().path()).and_then(|policy| policy.deadline);
        let asked = match request.headers().get(GRPC_TIMEOUT) {
            Some(value) => Some(grpc_timeout::parse(value).ok_or(MeshError::MalformedTimeout)?),
            None => None,
        };
        let budget = match (promised, asked) {
            (Some(promised), Some(asked)) => Some(promised.min(asked)),
            (promised, asked) => promised.or(asked),
        };
        Ok(budget.and_then(Deadline::after))
    }
}

impl<S, B, R> Service<Request<B>> for EnforceDeadline<S>
where
    S: Service<Request<Bounded<B>>, Response = Response<R>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error = Status>,
{
    type Response = Response<Bounded<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.deadline_of(&request) {
            Err(refusal) => ResponseFuture::Refused { refusal: Some(refusal) },
            Ok(deadline) => {
                let request = request.map(|body| Bounded::new(body, deadline, Ending::Handler));
                let inner = enter(deadline, || self.inner.call(request));
                ResponseFuture::Handled { inner, alarm: Alarm::new(deadline) }
            }
        }
    }
}

pin_project! {
    /// The head of an answer, or the deadline.
    #[project = ResponseFutureProject]
    pub(crate) enum ResponseFuture<F> {
        Handled { #[pin] inner: F, #[pin] alarm: Alarm },
        Refused { refusal: Option<MeshError> },
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<Bounded<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseFutureProject::Handled { inner, alarm } => {
                let deadline = alarm.deadline();
                match enter(deadline, || inner.poll(cx))? {
                    Poll::Ready(response) => {
                        calls::tell_deadline(deadline);
                        Poll::Ready(Ok(response.map(|body| Bounded::new(body, deadline, Ending::Trailers))))
                    }
                    Poll::Pending => {
                        ready!(alarm.poll_past(cx));
                        Poll::Ready(Ok(exceeded(Stage::Handler).into_response()))
                    }
                }
            }
            ResponseFutureProject::Refused { refusal } => match refusal.take() {
                Some(refusal) => Poll::Ready(Ok(refusal.into_response())),
                None => Poll::Pending,
            },
        }
    }
}
