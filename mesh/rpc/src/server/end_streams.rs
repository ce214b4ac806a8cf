//! Streams that would outlive a drain, ended.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::drain::Drain;
use crate::{deadline, error::MeshError};

/// Ends a stream with UNAVAILABLE in its trailers when a drain wants it to end and it has nothing to say at
/// that moment: what was ready before is still delivered.
#[derive(Clone, Debug)]
pub(crate) struct EndStreamsLayer {
    drain: Arc<Drain>,
}

impl EndStreamsLayer {
    pub(crate) fn new(drain: Arc<Drain>) -> Self {
        Self { drain }
    }
}

impl<S> Layer<S> for EndStreamsLayer {
    type Service = EndStreams<S>;

    fn layer(&self, inner: S) -> Self::Service {
        EndStreams { inner, drain: Arc::clone(&self.drain) }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct EndStreams<S> {
    inner: S,
    drain: Arc<Drain>,
}

impl<S, B, R> Service<Request<B>> for EndStreams<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<EndableBody<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture { inner: self.inner.call(request), drain: Some(Arc::clone(&self.drain)) }
    }
}

pin_project! {
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: F,
        drain: Option<Arc<Drain>>,
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<EndableBody<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let response = ready!(this.inner.poll(cx))?;
        let drain = this.drain.take();
        Poll::Ready(Ok(response.map(|inner| EndableBody { inner: Some(inner), drain, end: None })))
    }
}

pin_project! {
    /// A body that a drain may end. The answer to a unary call never waits, so it never looks at the drain.
    #[derive(Debug)]
    pub(crate) struct EndableBody<B> {
        #[pin]
        inner: Option<B>,
        drain: Option<Arc<Drain>>,
        #[pin]
        end: Option<WaitForCancellationFutureOwned>,
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for EndableBody<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = inner.poll_frame(cx) {
            return Poll::Ready(frame);
        }
        let Some(drain) = this.drain else { return Poll::Pending };
        if this.end.is_none() {
            let endless = deadline::current().is_none();
            let end = if endless { &drain.endless } else { &drain.streams };
            this.end.set(Some(end.clone().cancelled_owned()));
        }
        let Some(end) = this.end.as_mut().as_pin_mut() else { return Poll::Pending };
        ready!(end.poll(cx));
        drain.cut_one();
        this.inner.set(None);
        Poll::Ready(Some(Ok(Frame::trailers(MeshError::Draining.into_trailers()))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
