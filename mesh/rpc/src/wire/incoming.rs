//! A body as it comes from the other end.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, RecvStream};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

/// What the other end sends after its head. Dropped before its end, it tells the other end to stop: h2 resets a
/// stream of which nobody holds anything any more.
#[derive(Debug)]
pub(crate) struct Incoming {
    stream: RecvStream,
    has_all_data: bool,
    /// Ends the pump of this side's own body, if that goes on.
    _pump: Option<oneshot::Sender<()>>,
}

impl Incoming {
    pub(super) fn new(stream: RecvStream, pump: Option<oneshot::Sender<()>>) -> Self {
        Self { stream, has_all_data: false, _pump: pump }
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = h2::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        while !self.has_all_data {
            match ready!(self.stream.poll_data(cx)) {
                // The frame that only says that it is the last.
                Some(Ok(data)) if data.is_empty() => {}
                Some(Ok(data)) => {
                    // What was handed over has been read: there is no further buffer between here and the decoder.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(end(error)),
                None => self.has_all_data = true,
            }
        }
        Poll::Ready(match ready!(self.stream.poll_trailers(cx)) {
            Ok(trailers) => trailers.map(|trailers| Ok(Frame::trailers(trailers))),
            Err(error) => end(error),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// RST_STREAM(NO_ERROR) says that an answer is complete and the rest of the question is not wanted (RFC 9113, section
/// 8.1): it ends a body, and breaks none.
fn end(error: h2::Error) -> Option<Result<Frame<Bytes>, h2::Error>> {
    (error.reason() != Some(Reason::NO_ERROR)).then_some(Err(error))
}
