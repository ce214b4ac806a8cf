//! A body that a deadline ends.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tonic::Status;

use crate::{
    client::Trail,
    deadline::{Alarm, Deadline, enter},
    error::{MeshError, Side, Spent, Stage},
};

/// How a body ends whose deadline has passed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    /// With an error, for the caller on this side, who is told where the time went.
    Caller(Trail),
    /// With an error, for the handler that reads a request.
    Handler,
    /// With trailers, for the caller on the other side.
    Trailers,
}

pin_project! {
    /// A body that a deadline ends, and that is read under that deadline: a stream that calls further services
    /// while it is being read passes it on.
    #[derive(Debug)]
    pub(crate) struct Bounded<B> {
        #[pin]
        inner: Option<B>,
        #[pin]
        alarm: Alarm,
        ending: Ending,
    }
}

impl<B> Bounded<B> {
    pub(crate) fn new(inner: B, deadline: Option<Deadline>, ending: Ending) -> Self {
        Self { inner: Some(inner), alarm: Alarm::new(deadline), ending }
    }
}

impl<B> Default for Bounded<B> {
    /// An empty body.
    fn default() -> Self {
        Self { inner: None, alarm: Alarm::new(None), ending: Ending::Trailers }
    }
}

impl<B: Body<Data = Bytes, Error = Status>> Body for Bounded<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        // What is ready is passed on without a look at the timer; but a stream that never pauses must end too.
        let deadline = this.alarm.deadline();
        match enter(deadline, || inner.poll_frame(cx)) {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() && this.alarm.is_past() => {}
            Poll::Ready(frame) => return Poll::Ready(frame),
            Poll::Pending => ready!(this.alarm.poll_past(cx)),
        }
        // Whatever fed the body has nobody to feed any more.
        this.inner.set(None);
        Poll::Ready(Some(match this.ending {
            Ending::Caller(trail) => {
                let spent = deadline.map_or(Spent::UNKNOWN, |deadline| trail.at(deadline.instant()));
                Err(MeshError::DeadlineExceeded { side: Side::Client, spent }.into())
            }
            Ending::Handler => Err(exceeded(Stage::Request).into()),
            Ending::Trailers => Ok(Frame::trailers(exceeded(Stage::Body).into_trailers())),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// On the server.
pub(crate) const fn exceeded(waited_for: Stage) -> MeshError {
    MeshError::DeadlineExceeded { side: Side::Server, spent: Spent::waiting_for(waited_for) }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin, time::Duration};

    use http_body_util::StreamBody;

    use super::*;

    async fn next<B: Body>(mut body: Pin<&mut B>) -> Option<Result<Frame<B::Data>, B::Error>> {
        poll_fn(|cx| body.as_mut().poll_frame(cx)).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_never_pauses_ends_too() {
        let data = || Ok::<_, Status>(Frame::data(Bytes::from_static(b"x")));
        let endless = StreamBody::new(futures_util::stream::repeat_with(data));
        let deadline = Deadline::after(Duration::from_secs(1));
        let mut body = pin!(Bounded::new(endless, deadline, Ending::Trailers));
        assert!(next(body.as_mut()).await.unwrap().unwrap().is_data());
        tokio::time::advance(Duration::from_secs(1)).await;
        let last = next(body.as_mut()).await.unwrap().unwrap();
        assert_eq!(last.trailers_ref().unwrap()[Status::GRPC_STATUS], "4");
        assert!(next(body.as_mut()).await.is_none());
        assert!(body.is_end_stream());
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_waits_is_woken_at_its_deadline() {
        let silent = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Status>>());
        let deadline = Deadline::after(Duration::from_secs(1));
        let mut body = pin!(Bounded::new(silent, deadline, Ending::Caller(Trail::default())));
        let error = next(body.as_mut()).await.unwrap().unwrap_err();
        assert_eq!(error.code(), tonic::Code::DeadlineExceeded);
        assert!(next(body.as_mut()).await.is_none());
    }
}
