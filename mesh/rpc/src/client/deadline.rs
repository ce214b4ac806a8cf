//! Deadlines on the client: over the wait for a connection, the head of the answer and its body.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::{
    retry::{Call, Shared},
    trail::{self, Trail},
};
use crate::{
    bounded::{Bounded, Ending},
    bug::Bug,
    deadline::{self, Alarm, Deadline, enter},
    error::{MeshError, Side, Spent},
    grpc_timeout::{self, GRPC_TIMEOUT},
};

/// Gives each call the soonest of three deadlines: what the caller asks for (`Request::set_timeout`), what is
/// left to the call that this process is handling, and what the contract promises. A call with none of them has
/// no deadline.
#[derive(Clone, Debug)]
pub(super) struct DeadlineLayer {
    shared: Arc<Shared>,
}

impl DeadlineLayer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = KeepDeadline<S>;

    fn layer(&self, inner: S) -> Self::Service {
        KeepDeadline { inner, shared: Arc::clone(&self.shared) }
    }
}

/// Ends every call at its deadline as DEADLINE_EXCEEDED, whatever it is waiting for, and without a word from the
/// server. Below, `deadline::current` is the deadline of the call, from which the header is written when the
/// call is sent.
#[derive(Clone, Debug)]
pub(super) struct KeepDeadline<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> KeepDeadline<S> {
    fn deadline_of(&self, call: &Call) -> Result<Option<Deadline>, MeshError> {
        let asked = match call.request.headers().get(GRPC_TIMEOUT) {
            Some(value) => Some(grpc_timeout::parse(value).ok_or(MeshError::MalformedTimeout)?),
            None => None,
        };
        let promised = call.method.and_then(|method| self.shared.methods.get(method).policy.deadline);
        let own = match (asked, promised) {
            (Some(asked), Some(promised)) => Some(asked.min(promised)),
            (asked, promised) => asked.or(promised),
        };
        // All of it counts from the moment at which the call was made: the clock is not read again.
        let own = own.and_then(|budget| call.since.checked_add(budget)).map(Deadline::at);
        let left = deadline::current().filter(|_| !Bug::DeadlineNotShrunk.is_here());
        match Deadline::sooner(own, left) {
            Some(deadline) if deadline.instant() <= call.since => {
                Err(MeshError::DeadlineExceeded { side: Side::Client, spent: Spent::UNKNOWN })
            }
            deadline => Ok(deadline),
        }
    }
}

impl<S, R> Service<Call> for KeepDeadline<S>
where
    S: Service<Call, Response = Response<R>, Error = Status>,
{
    type Response = Response<Bounded<R>>;
    type Error = Status;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match self.deadline_of(&call) {
            Err(refusal) => ResponseFuture::Refused { refusal: Some(refusal) },
            Ok(deadline) => ResponseFuture::Sent {
                inner: enter(deadline, || self.inner.call(call)),
                alarm: Alarm::new(deadline),
                trail: Trail::default(),
            },
        }
    }
}

pin_project! {
    /// The head of an answer, or the deadline.
    #[project = ResponseFutureProject]
    pub(super) enum ResponseFuture<F> {
        Sent { #[pin] inner: F, #[pin] alarm: Alarm, trail: Trail },
        Refused { refusal: Option<MeshError> },
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Status>>,
{
    type Output = Result<Response<Bounded<R>>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseFutureProject::Sent { inner, alarm, trail } => {
                let deadline = alarm.deadline();
                match trail::follow(trail, || enter(deadline, || inner.poll(cx)))? {
                    Poll::Ready(response) => {
                        trail.answered();
                        let ending = Ending::Caller(*trail);
                        Poll::Ready(Ok(response.map(|body| Bounded::new(body, deadline, ending))))
                    }
                    Poll::Pending => {
                        ready!(alarm.poll_past(cx));
                        let spent = deadline.map_or(Spent::UNKNOWN, |deadline| trail.at(deadline.instant()));
                        Poll::Ready(Err(MeshError::DeadlineExceeded { side: Side::Client, spent }.into()))
                    }
                }
            }
            ResponseFutureProject::Refused { refusal } => match refusal.take() {
                Some(refusal) => Poll::Ready(Err(refusal.into())),
                None => Poll::Pending,
            },
        }
    }
}
