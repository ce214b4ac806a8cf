//! Where HTTP/2 ends and gRPC begins.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::Either as EitherFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{Either, Empty};
use pin_project_lite::pin_project;
use tonic::Status;
use tower_service::Service;

use super::answer::{Answer, Answering};
use crate::{error::MeshError, wire::Incoming};

/// Hands the stack what is gRPC, and answers as plain HTTP what is not.
#[derive(Clone, Debug)]
pub(super) struct Entry<S>(pub(super) S);

/// The answer to a request: the stack's, or a refusal.
pub(super) type Entering<F, R> = EitherFuture<
    Accepted<Answering<F>>,
    std::future::Ready<Result<Response<Either<Answer<R>, Empty<Bytes>>>, Infallible>>,
>;

impl<S, R> Entry<S>
where
    S: Service<Request<RequestBody>, Response = Response<R>, Error = Infallible> + Clone,
    R: Body<Data = Bytes, Error = Status>,
{
    pub(super) fn call(&self, request: Request<Incoming>) -> Entering<S::Future, R> {
        match refusal(&request) {
            // The whole stack is a handful of references; each call gets one of its own.
            None => {
                let answering = Answering::new(self.0.clone().call(request.map(RequestBody)));
                EitherFuture::Left(Accepted { inner: answering })
            }
            Some(response) => EitherFuture::Right(std::future::ready(Ok(response.map(Either::Right)))),
        }
    }
}

/// Why a request is not gRPC, in the order and with the answers of grpc-go: another content type is 415, without
/// a gRPC status ("gRPC over HTTP/2": so that no other client takes the error for a success); another method
/// than POST is 405.
fn refusal<B>(request: &Request<B>) -> Option<Response<Empty<Bytes>>> {
    if !is_grpc(request.headers()) {
        let mut response = Response::new(Empty::new());
        *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Some(response);
    }
    (request.method() != Method::POST).then(|| MeshError::MethodNotAllowed.into_response())
}

/// `application/grpc`, alone or followed by `+format` or `;parameters`.
fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.as_bytes().strip_prefix(b"application/grpc"))
        .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}

pin_project! {
    /// The stack's answer.
    pub(super) struct Accepted<F> {
        #[pin]
        inner: F,
    }
}

impl<F, R> Future for Accepted<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<Either<R, Empty<Bytes>>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx))?;
        Poll::Ready(Ok(response.map(Either::Left)))
    }
}

/// A request as it comes from the network: what goes wrong with it reaches the handler as a gRPC status.
#[derive(Debug)]
pub(crate) struct RequestBody(Incoming);

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.0).poll_frame(cx).map_err(|error| MeshError::of_request(&error).into())
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(method: Method, kind: &str) -> Option<StatusCode> {
        let request = Request::builder().method(method).header(header::CONTENT_TYPE, kind).body(()).unwrap();
        refusal(&request).map(|response| response.status())
    }

    #[test]
    fn takes_grpc_and_nothing_else() {
        for kind in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
            assert_eq!(answer(Method::POST, kind), None, "{kind}");
        }
        for kind in ["", "application/grpc-web", "application/grpcx", "application/json"] {
            assert_eq!(answer(Method::POST, kind), Some(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{kind}");
        }
        assert_eq!(answer(Method::GET, "application/grpc"), Some(StatusCode::METHOD_NOT_ALLOWED));
    }
}
