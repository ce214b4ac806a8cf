//! Messages on the server: their size, their compression, and how long one may take to come.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use mesh_policy::PolicyTable;
use pin_project_lite::pin_project;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::ServerConfig;
use crate::{
    error::{MeshError, Side},
    message::{
        CompressionConfig, Encoding, GRPC_ENCODING, Inbound, Named, Outbound, Reader, Writer, accepted, named,
    },
};

/// Refuses messages that are too large by their first five bytes, decompresses those that are compressed, and
/// compresses the large ones of answers if that is configured and the caller accepts it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MessagesLayer {
    settings: Settings,
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    policies: PolicyTable,
    max_request_bytes: usize,
    compression: Option<CompressionConfig>,
    stall_timeout: Duration,
}

impl MessagesLayer {
    pub(crate) fn new(config: &ServerConfig, policies: PolicyTable) -> Self {
        let settings = Settings {
            policies,
            max_request_bytes: config.max_request_bytes,
            compression: config.compression,
            stall_timeout: config.stall_timeout,
        };
        Self { settings }
    }
}

impl<S> Layer<S> for MessagesLayer {
    type Service = Messages<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Messages { inner, settings: self.settings }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Messages<S> {
    inner: S,
    settings: Settings,
}

impl<S, B, R> Service<Request<B>> for Messages<S>
where
    S: Service<Request<Inbound<B>>, Response = Response<R>, Error = Infallible>,
    B: http_body::Body<Data = Bytes, Error = Status>,
{
    type Response = Response<Outbound<R>>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let encoding = match named(request.headers_mut()) {
            Named::Identity => None,
            Named::Known(encoding) => Some(encoding),
            Named::Unknown(name) => {
                let encoding = String::from_utf8_lossy(name.as_bytes()).into_owned();
                let refusal = MeshError::UnknownEncoding { side: Side::Server, encoding };
                return ResponseFuture::Refused { refusal: Some(refusal) };
            }
        };
        let Settings { policies, max_request_bytes, compression, stall_timeout } = self.settings;
        let answer = compression.and_then(|config| {
            let encoding = accepted(request.headers(), config.encoding?)?;
            Some(Answer { encoding, min_bytes: config.min_bytes })
        });
        let reader = Reader::new(Side::Server, max_request_bytes, encoding);
        // Of a method that no contract knows, nobody knows whether its caller may be silent.
        let is_due = policies.get(request.uri().path()).is_some_and(|policy| !policy.client_streaming);
        let request = request.map(|body| Inbound::new(body, reader, stall_timeout, is_due));
        ResponseFuture::Handled { inner: self.inner.call(request), answer }
    }
}

/// How an answer is compressed.
#[derive(Clone, Copy, Debug)]
struct Answer {
    encoding: Encoding,
    min_bytes: usize,
}

impl Answer {
    /// Says so in the head of an answer that has a body, and that no handler has compressed itself.
    fn begin<R>(self, response: &mut Response<R>) -> Writer {
        let headers = response.headers_mut();
        if headers.contains_key(Status::GRPC_STATUS) || headers.contains_key(GRPC_ENCODING) {
            return Writer::new(None, 0);
        }
        headers.insert(GRPC_ENCODING, self.encoding.header());
        Writer::new(Some(self.encoding), self.min_bytes)
    }
}

pin_project! {
    #[project = ResponseFutureProject]
    pub(crate) enum ResponseFuture<F> {
        Handled { #[pin] inner: F, answer: Option<Answer> },
        Refused { refusal: Option<MeshError> },
    }
}

impl<F, R> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<Outbound<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            ResponseFutureProject::Handled { inner, answer } => {
                let mut response = ready!(inner.poll(cx))?;
                let writer = match answer {
                    Some(answer) => answer.begin(&mut response),
                    None => Writer::new(None, 0),
                };
                Poll::Ready(Ok(response.map(|body| Outbound::new(body, writer))))
            }
            ResponseFutureProject::Refused { refusal } => match refusal.take() {
                Some(refusal) => Poll::Ready(Ok(refusal.into_response())),
                None => Poll::Pending,
            },
        }
    }
}
