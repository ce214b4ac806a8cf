//! Answers as they leave the stack: piece by piece, and the call's task told of each.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::Status;

use super::calls;

/// The size of a piece, in bytes: one frame of HTTP/2, unless the peer asks for larger ones. HTTP/2 takes a piece
/// over whole as soon as the flow control has room for one byte of it, so a large message is handed over no faster
/// than its caller reads.
const PIECE: usize = 16 * 1024;

pin_project! {
    /// The head of an answer.
    pub(super) struct Answering<F> {
        #[pin]
        inner: F,
    }
}

impl<F> Answering<F> {
    pub(super) fn new(inner: F) -> Self {
        Self { inner }
    }
}

impl<F, R> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, Infallible>>,
{
    type Output = Result<Response<Answer<R>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.project().inner.poll(cx);
        calls::tell_asked(&polled);
        let response = ready!(polled)?;
        Poll::Ready(Ok(response.map(|inner| Answer { inner, rest: Bytes::new() })))
    }
}

pin_project! {
    /// The body of an answer.
    #[derive(Debug)]
    pub(super) struct Answer<B> {
        #[pin]
        inner: B,
        // What is left of the data that the stack gave last.
        rest: Bytes,
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for Answer<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        if !this.rest.is_empty() {
            calls::tell_asked(&Poll::Ready(()));
            let piece = this.rest.split_to(PIECE.min(this.rest.len()));
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let polled = this.inner.poll_frame(cx);
        calls::tell_asked(&polled);
        polled.map_ok(|frame| match frame.into_data() {
            Ok(mut data) if data.len() > PIECE => {
                *this.rest = data.split_off(PIECE);
                Frame::data(data)
            }
            Ok(data) => Frame::data(data),
            Err(frame) => frame,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.inner.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    #[tokio::test]
    async fn a_large_message_leaves_in_pieces_and_none_is_lost() {
        let whole: Bytes = (0..=255_u8).cycle().take(2 * PIECE + 1).collect();
        let inner = Full::new(whole.clone()).map_err(|never| match never {});
        let mut answer = Answer { inner, rest: Bytes::new() };
        let mut pieces = Vec::new();
        while let Some(frame) = answer.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap());
            let left = whole.len() - pieces.iter().map(Bytes::len).sum::<usize>();
            assert_eq!((answer.size_hint().exact(), answer.is_end_stream()), (Some(left as u64), left == 0));
        }
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE, 1]);
        assert_eq!(pieces.concat(), whole);
    }
}
