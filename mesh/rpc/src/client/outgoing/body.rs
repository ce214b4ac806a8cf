//! The body of a request.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::{Status, body::Body};

use super::{
    source::Source,
    tape::{Playback, Tape},
};
use crate::meter::Meter;

/// The body of a request as connections send it.
///
/// The message of a unary call is ready before it is sent. So it travels as the bytes it is: without the box that
/// a stream needs, with END_STREAM on its one DATA frame, and a copy to send again costs a reference.
pub(in crate::client) enum Outgoing {
    /// All of it; empty once it is sent.
    Whole(Message),
    /// The same, of a call that is not repeated: whoever sends it also sends it once more if nobody has seen it.
    Lone(Message),
    /// As the caller makes it, after what was made already.
    Streamed {
        /// What comes first, last one first.
        begun: Vec<Frame<Bytes>>,
        /// The rest.
        rest: Body,
    },
    /// As the caller makes it, recorded to be sent once more.
    Taped(Playback),
    /// One of those, counted as it is sent.
    Measured(Box<Measured>),
}

/// A body whose messages are counted.
pub(in crate::client) struct Measured {
    body: Outgoing,
    meter: Meter,
    bytes: Arc<AtomicU64>,
}

/// A message that is ready, as it stands on the wire.
#[derive(Clone, Default)]
pub(in crate::client) struct Message {
    pub(in crate::client) bytes: Bytes,
    /// Where it belongs, by its own words.
    pub(in crate::client) key: Option<u64>,
}

/// What [`collect`] found.
pub(in crate::client) enum Collected {
    /// The whole body.
    Whole(Bytes),
    /// A stream, of which more will come.
    Streamed(Outgoing),
    /// The caller could not make its message.
    Failed(Status),
}

/// Takes a body that is ready at once out of its box. One that is not is as it was: whoever polls it next is
/// woken by it.
pub(in crate::client) fn collect(mut body: Body) -> Collected {
    let mut cx = Context::from_waker(Waker::noop());
    let mut next = |body: &mut Body| http_body::Body::poll_frame(Pin::new(body), &mut cx);
    let first = match next(&mut body) {
        Poll::Ready(None) => return Collected::Whole(Bytes::new()),
        Poll::Ready(Some(Err(status))) => return Collected::Failed(status),
        Poll::Pending => return Collected::Streamed(Outgoing::Streamed { begun: Vec::new(), rest: body }),
        Poll::Ready(Some(Ok(frame))) => frame,
    };
    let first = match first.into_data() {
        Ok(data) => data,
        Err(frame) => return Collected::Streamed(Outgoing::Streamed { begun: vec![frame], rest: body }),
    };
    match next(&mut body) {
        Poll::Ready(None) => Collected::Whole(first),
        Poll::Ready(Some(Err(status))) => Collected::Failed(status),
        Poll::Ready(Some(Ok(second))) => {
            let begun = vec![second, Frame::data(first)];
            Collected::Streamed(Outgoing::Streamed { begun, rest: body })
        }
        Poll::Pending => {
            Collected::Streamed(Outgoing::Streamed { begun: vec![Frame::data(first)], rest: body })
        }
    }
}

impl Outgoing {
    /// A body that passes as the caller makes it.
    pub(in crate::client) fn streamed(body: Body) -> Self {
        Self::Streamed { begun: Vec::new(), rest: body }
    }

    /// The same; `bytes` becomes as many as its messages have, as they are sent.
    pub(in crate::client) fn measured(self, bytes: Arc<AtomicU64>) -> Self {
        Self::Measured(Box::new(Measured { body: self, meter: Meter::default(), bytes }))
    }

    /// From where the body comes once more, unless whoever gave it sends it again himself. A stream is recorded from
    /// now on, up to `limit` bytes.
    pub(in crate::client) fn record(&mut self, limit: usize) -> Option<Source> {
        match self {
            Self::Lone(message) => Some(Source::Whole(message.clone())),
            Self::Streamed { .. } => {
                let tape = Tape::new(std::mem::replace(self, Self::Whole(Message::default())), limit);
                *self = tape.play();
                Some(Source::Taped(tape))
            }
            Self::Measured(measured) => measured.body.record(limit),
            Self::Whole(_) | Self::Taped(_) => None,
        }
    }

    /// Where its bytes are counted.
    pub(in crate::client) fn counter(&self) -> Option<Arc<AtomicU64>> {
        match self {
            Self::Measured(measured) => Some(Arc::clone(&measured.bytes)),
            _ => None,
        }
    }

    /// Where the call belongs, by the words of its message.
    pub(in crate::client) fn key(&self) -> Option<u64> {
        match self {
            Self::Whole(message) | Self::Lone(message) => message.key,
            Self::Measured(measured) => measured.body.key(),
            Self::Streamed { .. } | Self::Taped(_) => None,
        }
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, key: None }
    }
}

impl Measured {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = http_body::Body::poll_frame(Pin::new(&mut self.body), cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.meter.see(data);
            self.bytes.store(self.meter.bytes(), Ordering::Relaxed);
        }
        polled
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Messages are never logged.
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Lone(_) => "Lone",
            Self::Streamed { .. } => "Streamed",
            Self::Taped(_) => "Taped",
            Self::Measured(_) => "Measured",
        })
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.get_mut() {
            Self::Whole(message) | Self::Lone(message) if message.bytes.is_empty() => Poll::Ready(None),
            Self::Whole(message) | Self::Lone(message) => {
                Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut message.bytes)))))
            }
            Self::Streamed { begun, rest } => match begun.pop() {
                Some(frame) => Poll::Ready(Some(Ok(frame))),
                None => Pin::new(rest).poll_frame(cx),
            },
            Self::Taped(playback) => playback.poll_frame(cx),
            Self::Measured(measured) => measured.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(message) | Self::Lone(message) => message.bytes.is_empty(),
            Self::Streamed { begun, rest } => begun.is_empty() && rest.is_end_stream(),
            Self::Taped(playback) => playback.is_end_stream(),
            Self::Measured(measured) => measured.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt as _, stream};
    use http_body_util::{BodyExt as _, Full, StreamBody};

    use super::*;

    fn frames(texts: &'static [&'static str]) -> Vec<Result<Frame<Bytes>, Status>> {
        texts.iter().map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))).collect()
    }

    async fn sent(collected: Collected) -> (&'static str, Bytes) {
        match collected {
            Collected::Whole(bytes) => ("whole", bytes),
            Collected::Streamed(body) => ("streamed", body.collect().await.unwrap().to_bytes()),
            Collected::Failed(status) => panic!("{status}"),
        }
    }

    #[tokio::test]
    async fn a_message_that_is_ready_is_whole() {
        let body = Body::new(Full::new(Bytes::from_static(b"hello")));
        assert_eq!(sent(collect(body)).await, ("whole", Bytes::from_static(b"hello")));
        assert_eq!(sent(collect(Body::empty())).await, ("whole", Bytes::new()));
    }

    #[tokio::test]
    async fn of_a_stream_nothing_is_lost_and_the_order_stays() {
        let ready = Body::new(StreamBody::new(stream::iter(frames(&["a", "b", "c"]))));
        assert_eq!(sent(collect(ready)).await, ("streamed", Bytes::from_static(b"abc")));
        let later = stream::once(tokio::task::yield_now()).flat_map(|()| stream::iter(frames(&["b", "c"])));
        let paused = Body::new(StreamBody::new(stream::iter(frames(&["a"])).chain(later)));
        assert_eq!(sent(collect(paused)).await, ("streamed", Bytes::from_static(b"abc")));
    }

    #[tokio::test]
    async fn a_message_that_cannot_be_made_is_an_error_before_anything_is_sent() {
        let broken = stream::iter([Err::<Frame<Bytes>, _>(Status::out_of_range("too large"))]);
        let Collected::Failed(status) = collect(Body::new(StreamBody::new(broken))) else {
            panic!("an error is expected")
        };
        assert_eq!(status.code(), tonic::Code::OutOfRange);
    }

    #[tokio::test]
    async fn the_last_data_says_that_it_is_the_last() {
        let mut body = Outgoing::Whole(Bytes::from_static(b"x").into());
        assert!(!http_body::Body::is_end_stream(&body));
        body.frame().await.unwrap().unwrap();
        assert!(http_body::Body::is_end_stream(&body));
        assert!(body.frame().await.is_none());
    }
}
