//! A body on its way to the other end, no faster than that reads.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{Reason, SendStream};
use http_body::Body;
use pin_project_lite::pin_project;

/// What is sent of a stream without asking whether the other end has room for it, in bytes: one frame. HTTP/2 keeps
/// what it cannot send yet, and this bounds that; nearly every answer is smaller.
const UNASKED: usize = 16 * 1024;

/// How a pump ends that does not come to the body's end.
#[derive(Debug)]
pub(super) enum Broken {
    /// The stream is over, by the other end or with the connection.
    Stream,
    /// The body failed; the stream was reset.
    Body,
}

pin_project! {
    /// Sends a body frame by frame. Nothing of the connection's window is reserved before there is something to
    /// send: a body that makes nothing would hold up all others.
    pub(super) struct Pump<B> {
        stream: SendStream<Bytes>,
        #[pin]
        body: B,
        // Waits for room.
        data: Option<Bytes>,
        unasked: usize,
        // What the other end is told when the body fails.
        failure: Reason,
    }
}

impl<B> Pump<B> {
    /// `failure`: what the other end is told when the body fails.
    pub(super) fn new(stream: SendStream<Bytes>, body: B, failure: Reason) -> Self {
        Self { stream, body, data: None, unasked: UNASKED, failure }
    }
}

impl<B: Body<Data = Bytes>> Future for Pump<B> {
    type Output = Result<(), Broken>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let mut this = self.project();
        loop {
            if let Some(data) = this.data.take() {
                if poll_room(this.stream, cx)?.is_pending() {
                    *this.data = Some(data);
                    return Poll::Pending;
                }
                let is_last = this.body.is_end_stream();
                this.stream.send_data(data, is_last).map_err(|_| Broken::Stream)?;
                if is_last {
                    return Poll::Ready(Ok(()));
                }
            }
            let Poll::Ready(frame) = this.body.as_mut().poll_frame(cx) else {
                // Woken also when the other end does not want the rest.
                return match this.stream.poll_reset(cx) {
                    Poll::Ready(_) => Poll::Ready(Err(Broken::Stream)),
                    Poll::Pending => Poll::Pending,
                };
            };
            match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.len() <= *this.unasked => {
                        *this.unasked -= data.len();
                        let is_last = this.body.is_end_stream();
                        this.stream.send_data(data, is_last).map_err(|_| Broken::Stream)?;
                        if is_last {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Ok(data) => {
                        // One byte is enough to be told of room; what is sent raises it to its length.
                        this.stream.reserve_capacity(1);
                        *this.data = Some(data);
                    }
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            let sent = this.stream.send_trailers(trailers);
                            return Poll::Ready(sent.map_err(|_| Broken::Stream));
                        }
                    }
                },
                Some(Err(_)) => {
                    this.stream.send_reset(*this.failure);
                    return Poll::Ready(Err(Broken::Body));
                }
                None => {
                    let sent = this.stream.send_data(Bytes::new(), true);
                    return Poll::Ready(sent.map_err(|_| Broken::Stream));
                }
            }
        }
    }
}

/// Ready when there is room for some of what waits.
fn poll_room(stream: &mut SendStream<Bytes>, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
    if stream.poll_reset(cx).is_ready() {
        return Poll::Ready(Err(Broken::Stream));
    }
    while stream.capacity() == 0 {
        match ready!(stream.poll_capacity(cx)) {
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Poll::Ready(Err(Broken::Stream)),
        }
    }
    Poll::Ready(Ok(()))
}
