//! The answer to a call, whichever attempt it came from.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::{Code, Status};

use super::Repeated;
use crate::client::received::code_of_head;
use crate::pushback::{self, Pushback};

pin_project! {
    /// A response body whose end is learned from.
    #[derive(Debug)]
    pub(in crate::client) struct Answer<B> {
        #[pin]
        inner: B,
        // Of a call that may be repeated, until its status is known.
        call: Option<Repeated>,
    }
}

impl<B> Answer<B> {
    /// The head that the caller gets.
    pub(in crate::client) fn give(
        result: Result<Response<B>, Status>,
        call: Option<Repeated>,
    ) -> Result<Response<Self>, Status> {
        let response = match result {
            Ok(response) => response,
            Err(status) => {
                hear(status.metadata().as_ref());
                return Err(status);
            }
        };
        // A status in the head is the end. A failure was counted when it was decided that it is the answer.
        let call = match code_of_head(&response) {
            None => call,
            Some(Code::Ok) => {
                if let Some(call) = call {
                    call.shared.throttle.succeeded();
                }
                None
            }
            Some(_) => {
                hear(response.headers());
                None
            }
        };
        Ok(response.map(|inner| Self { inner, call }))
    }
}

/// What says "never again" says it to everybody above as well.
fn hear(headers: &HeaderMap) {
    if Pushback::of(headers) == Pushback::Never {
        pushback::hear();
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for Answer<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        let polled = ready!(this.inner.poll_frame(cx));
        match &polled {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    hear(trailers);
                    if let Some(call) = this.call.take() {
                        call.ended(trailers);
                    }
                }
            }
            Some(Err(status)) => {
                if let Some(call) = this.call.take() {
                    call.ended_with(status.code());
                }
            }
            None => *this.call = None,
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
