//! The layer that refuses calls of callers that ask too often.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use super::Limits;
use crate::error::MeshError;

/// Refuses the call of a caller whose bucket is empty.
#[derive(Clone, Debug)]
pub(crate) struct RateLimitLayer {
    limits: Arc<Limits>,
}

impl RateLimitLayer {
    pub(crate) fn new(limits: Arc<Limits>) -> Self {
        Self { limits }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit { inner, limits: Arc::clone(&self.limits) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RateLimit<S> {
    inner: S,
    limits: Arc<Limits>,
}

impl<S, B, R> Service<Request<B>> for RateLimit<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
    R: Default,
{
    type Response = Response<R>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.limits.take(&request) {
            Ok(()) => ResponseFuture::Handled { inner: self.inner.call(request) },
            Err(refusal) => ResponseFuture::Refused { refusal: Some(refusal) },
        }
    }
}

pin_project! {
    /// The head of an answer.
    #[project = ResponseFutureProject]
    pub(crate) enum ResponseFuture<F> {
        Handled { #[pin] inner: F },
        Refused { refusal: Option<MeshError> },
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
    R: Default,
{
    type Output = Result<Response<R>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseFutureProject::Handled { inner } => inner.poll(cx),
            ResponseFutureProject::Refused { refusal } => match refusal.take() {
                Some(refusal) => Poll::Ready(Ok(refusal.into_response())),
                None => Poll::Pending,
            },
        }
    }
}
