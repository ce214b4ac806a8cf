//! Panics of handlers, answered.

use std::{
    any::Any,
    convert::Infallible,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::MeshError;

/// Answers INTERNAL for a handler, or a body that it streams, that panics.
///
/// Without it a panic would reset the stream, and its caller could not tell a bug from a broken network. What
/// panicked is dropped and never polled again; other calls are untouched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CatchPanicLayer;

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CatchPanic { inner }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct CatchPanic<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for CatchPanic<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<CaughtBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture { inner: caught(|| self.inner.call(request)) }
    }
}

/// Runs `work`; `None` when it panicked.
fn caught<T>(work: impl FnOnce() -> T) -> Option<T> {
    // Unwind safe: whatever saw the panic is dropped by whoever gets `None`.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Some(value),
        Err(panic) => {
            tracing::error!(panic = message(&*panic), "a handler panicked");
            None
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("of no text")
}

pin_project! {
    /// The head of an answer; `None` once the handler has panicked.
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<CaughtBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let polled = this.inner.as_mut().as_pin_mut().and_then(|inner| caught(|| inner.poll(cx)));
        match polled {
            Some(polled) => polled.map_ok(|response| response.map(|body| CaughtBody { inner: Some(body) })),
            None => {
                this.inner.set(None);
                Poll::Ready(Ok(MeshError::Panicked.into_response()))
            }
        }
    }
}

pin_project! {
    /// A body whose panic becomes its trailers; `None` once that has happened.
    #[derive(Debug)]
    pub(crate) struct CaughtBody<B> {
        #[pin]
        inner: Option<B>,
    }
}

impl<B> Default for CaughtBody<B> {
    fn default() -> Self {
        Self { inner: None }
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for CaughtBody<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        caught(|| inner.poll_frame(cx)).unwrap_or_else(|| {
            this.inner.set(None);
            Poll::Ready(Some(Ok(Frame::trailers(MeshError::Panicked.into_trailers()))))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
