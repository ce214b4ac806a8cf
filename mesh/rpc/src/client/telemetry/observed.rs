//! An answer, watched until it is over.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::{Code, Status};

use crate::client::received::code_of_head;

/// Learns how something ends. When it is dropped before it has, nobody waited for the end.
pub(in crate::client) trait Observer {
    /// Polls what is observed.
    fn watch<T>(&mut self, poll: impl FnOnce() -> T) -> T;

    /// The head of an answer came that goes on.
    fn head(&mut self) {}

    /// A piece of the answer came.
    fn data(&mut self, data: &Bytes);

    /// It is over; with an error that was made on this side, if one was.
    fn ended(&mut self, code: Code, error: Option<&Status>);
}

pin_project! {
    /// What will be answered.
    pub(in crate::client) struct Observing<F, O> {
        #[pin]
        inner: F,
        observer: Option<O>,
    }
}

impl<F, O> Observing<F, O> {
    pub(super) fn new(inner: F, observer: O) -> Self {
        Self { inner, observer: Some(observer) }
    }
}

impl<F, B, O> Future for Observing<F, O>
where
    F: Future<Output = Result<Response<B>, Status>>,
    O: Observer,
{
    type Output = Result<Response<Observed<B, O>>, Status>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(observer) = this.observer else { return Poll::Pending };
        let result = ready!(observer.watch(|| this.inner.poll(cx)));
        let mut observer = this.observer.take();
        let code = match &result {
            Ok(response) => code_of_head(response),
            Err(status) => Some(status.code()),
        };
        if let (Some(code), Some(mut over)) = (code, observer.take_if(|_| code.is_some())) {
            over.ended(code, result.as_ref().err());
        }
        if let Some(observer) = &mut observer {
            observer.head();
        }
        Poll::Ready(result.map(|response| response.map(|inner| Observed { inner, observer })))
    }
}

pin_project! {
    /// The body of an answer.
    #[derive(Debug)]
    pub(in crate::client) struct Observed<B, O> {
        #[pin]
        inner: B,
        // Until the end is known.
        observer: Option<O>,
    }
}

impl<B, O> Body for Observed<B, O>
where
    B: Body<Data = Bytes, Error = Status>,
    O: Observer,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        let Some(observer) = this.observer.as_mut() else { return this.inner.poll_frame(cx) };
        let polled = ready!(observer.watch(|| this.inner.poll_frame(cx)));
        let end = match &polled {
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => {
                    observer.data(data);
                    None
                }
                None => frame.trailers_ref().map(|trailers| (code_of(trailers), None)),
            },
            Some(Err(status)) => Some((status.code(), Some(status))),
            // An answer that ends without a code.
            None => Some((Code::Unknown, None)),
        };
        if let Some((code, error)) = end {
            observer.ended(code, error);
            *this.observer = None;
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

fn code_of(trailers: &HeaderMap) -> Code {
    trailers.get(Status::GRPC_STATUS).map_or(Code::Unknown, |code| Code::from_bytes(code.as_bytes()))
}
