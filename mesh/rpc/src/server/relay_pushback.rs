//! "Do not ask again", passed on to the caller.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use crate::pushback::{NEVER, PUSHBACK, listen};

/// Says `grpc-retry-pushback-ms: -1` with an error of a handler that was told so itself by a server it called, or
/// whose calls were held back by a budget: what is too much below is too much for everybody above. An answer that
/// goes well although a call below did not says nothing, and so does one that has a pushback of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RelayPushbackLayer;

impl<S> Layer<S> for RelayPushbackLayer {
    type Service = RelayPushback<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RelayPushback { inner }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RelayPushback<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for RelayPushback<S>
where
    S: Service<Request<B>, Response = Response<R>, Error = Infallible>,
{
    type Response = Response<Relayed<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ResponseFuture { inner: self.inner.call(request), heard: false }
    }
}

/// Adds what was heard to a status that is an error.
fn relay(heard: bool, headers: &mut HeaderMap) {
    // Nearly nobody hears it: the headers of the others are not looked at.
    if heard
        && headers.get(Status::GRPC_STATUS).is_some_and(|code| code != "0")
        && !headers.contains_key(PUSHBACK)
    {
        headers.insert(PUSHBACK, NEVER);
    }
}

pin_project! {
    /// The head of an answer.
    pub(crate) struct ResponseFuture<F> {
        #[pin]
        inner: F,
        heard: bool,
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<Relayed<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(listen(this.heard, || this.inner.poll(cx)))?;
        let heard = *this.heard;
        relay(heard, response.headers_mut());
        Poll::Ready(Ok(response.map(|inner| Relayed { inner, heard })))
    }
}

pin_project! {
    /// The body of an answer, whose trailers may be added to.
    #[derive(Debug)]
    pub(crate) struct Relayed<B> {
        #[pin]
        inner: B,
        heard: bool,
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for Relayed<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        let mut polled = ready!(listen(this.heard, || this.inner.poll_frame(cx)));
        if let Some(Ok(frame)) = &mut polled
            && let Some(trailers) = frame.trailers_mut()
        {
            relay(*this.heard, trailers);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn relayed(heard: bool, headers: &[(&'static str, &'static str)]) -> Option<HeaderValue> {
        let pairs =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        let mut headers: HeaderMap = pairs.collect();
        relay(heard, &mut headers);
        headers.remove(PUSHBACK)
    }

    #[test]
    fn only_an_error_that_says_nothing_itself_is_added_to() {
        assert_eq!(relayed(true, &[("grpc-status", "14")]).unwrap(), "-1");
        assert_eq!(relayed(false, &[("grpc-status", "14")]), None);
        assert_eq!(relayed(true, &[("grpc-status", "0")]), None);
        assert_eq!(relayed(true, &[]), None, "the head of an answer that has a body");
        let own = [("grpc-status", "14"), ("grpc-retry-pushback-ms", "7")];
        assert_eq!(relayed(true, &own).unwrap(), "7");
    }
}
