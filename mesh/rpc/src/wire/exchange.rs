//! One call on the server's end: the head of the answer, then its body.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, server::SendResponse};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;

use super::pump::Pump;

pin_project! {
    /// An answer on its way. Over when it is sent, or nobody wants it any more: then whatever makes it is dropped.
    pub(crate) struct Exchange<F, B> {
        #[pin]
        state: State<F, B>,
    }
}

pin_project! {
    #[project = StateProject]
    enum State<F, B> {
        Head { #[pin] answer: F, respond: SendResponse<Bytes> },
        Body { #[pin] pump: Pump<B> },
    }
}

impl<F, B> Exchange<F, B> {
    pub(super) fn new(answer: F, respond: SendResponse<Bytes>) -> Self {
        Self { state: State::Head { answer, respond } }
    }
}

impl<F, B> Future for Exchange<F, B>
where
    F: Future<Output = Result<Response<B>, Infallible>>,
    B: Body<Data = Bytes>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProject::Head { answer, respond } => {
                    let Poll::Ready(Ok(response)) = answer.poll(cx) else {
                        ready!(respond.poll_reset(cx).map(drop));
                        return Poll::Ready(());
                    };
                    let (head, body) = response.into_parts();
                    let is_over = body.is_end_stream();
                    // An error says that the stream is over: the caller is gone, or so is the connection.
                    let Ok(stream) = respond.send_response(Response::from_parts(head, ()), is_over) else {
                        return Poll::Ready(());
                    };
                    if is_over {
                        return Poll::Ready(());
                    }
                    state.set(State::Body { pump: Pump::new(stream, body, Reason::INTERNAL_ERROR) });
                }
                StateProject::Body { pump } => return pump.poll(cx).map(drop),
            }
        }
    }
}
