//! Bodies whose messages are read and written here.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;

use super::{Reader, Writer};
use crate::{deadline, error::MeshError};

pin_project! {
    /// The body of a request as it comes to a server: no message larger than it may be, none compressed, and none
    /// that has begun and does not go on.
    #[derive(Debug)]
    pub(crate) struct Inbound<B> {
        #[pin]
        inner: B,
        reader: Reader,
        patience: Patience,
        is_over: bool,
    }
}

/// How long a message may take without a byte.
///
/// Only of calls without a deadline: the others end anyway. And only within a message, or before the only one: who
/// may send a stream may be silent between two messages.
#[derive(Debug)]
struct Patience {
    time: Duration,
    /// Whether a message is due even though none has begun.
    is_due: bool,
    // Made when the caller first keeps the server waiting; most messages come whole.
    timer: Option<Pin<Box<Sleep>>>,
    is_running: bool,
}

impl Patience {
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.is_running, true) {
            let until = Instant::now() + self.time;
            match &mut self.timer {
                Some(timer) => timer.as_mut().reset(until),
                None => self.timer = Some(Box::pin(sleep_until(until))),
            }
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<B> Inbound<B> {
    /// For `time`, no byte may come of a message that has begun, or that is due, as the first one of a call is that
    /// sends no stream.
    pub(crate) fn new(inner: B, reader: Reader, time: Duration, is_due: bool) -> Self {
        let patience = Patience { time, is_due, timer: None, is_running: false };
        Self { inner, reader, patience, is_over: false }
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for Inbound<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        if *this.is_over {
            return Poll::Ready(None);
        }
        loop {
            let Poll::Ready(frame) = this.inner.as_mut().poll_frame(cx) else {
                let is_awaited = this.patience.is_due || this.reader.is_within();
                if !is_awaited || deadline::current().is_some() {
                    return Poll::Pending;
                }
                ready!(this.patience.poll_over(cx));
                *this.is_over = true;
                let error = MeshError::RequestStalled { patience: this.patience.time };
                return Poll::Ready(Some(Err(error.into())));
            };
            (this.patience.is_due, this.patience.is_running) = (false, false);
            let read = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => match this.reader.read(data) {
                        Ok(data) if data.is_empty() => continue,
                        read => read.map(Frame::data),
                    },
                    Err(frame) => this.reader.end().map(|()| frame),
                },
                None => match this.reader.end() {
                    Ok(()) => return Poll::Ready(None),
                    Err(error) => Err(error),
                },
                failed => return Poll::Ready(failed),
            };
            *this.is_over = read.is_err();
            return Poll::Ready(Some(read.map_err(Status::from)));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.inner.is_end_stream() && !self.reader.is_within()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

pin_project! {
    /// A body on its way out, its large messages compressed.
    #[derive(Debug)]
    pub(crate) struct Outbound<B> {
        #[pin]
        inner: Option<B>,
        writer: Writer,
    }
}

impl<B> Outbound<B> {
    pub(crate) fn new(inner: B, writer: Writer) -> Self {
        Self { inner: Some(inner), writer }
    }
}

impl<B> Default for Outbound<B> {
    /// An empty body.
    fn default() -> Self {
        Self { inner: None, writer: Writer::new(None, 0) }
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for Outbound<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let frame = ready!(inner.poll_frame(cx));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|data| this.writer.write(data)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
