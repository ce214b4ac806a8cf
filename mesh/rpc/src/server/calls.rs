//! The task of each call, which ends although its caller has stopped reading.
//!
//! The exchange asks the stack for a piece of the answer and keeps it until HTTP/2's flow control lets it pass. While it
//! waits for that it asks for nothing more, so the layers that end a body (deadline, drain) are not asked either.
//! Here the wait itself is ended: the call is dropped, and HTTP/2 tells the caller so by RST_STREAM(CANCEL). A call
//! without a deadline waits for `stall_timeout` at most.
//!
//! What HTTP/2 has taken over whole is out of reach: the last piece of an answer, one frame of it at most (see
//! `answer`), can wait for a caller until the connection ends. Its stream still counts as one of the connection's
//! `max_concurrent_streams`.

use std::{
    cell::Cell,
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{Either, Empty};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::{Code, Status};
use tower_service::Service;

use super::{
    answer::Answer,
    drain::Drain,
    entry::{Entering, Entry, RequestBody},
    peer::{self, Peer},
};
use crate::{
    deadline::{Alarm, Deadline},
    wire::{Exchange, Incoming, Respond, Serve},
};

/// The calls of a connection; the server waits for their tasks in the end.
#[derive(Clone, Debug)]
pub(super) struct Calls<S> {
    entry: Entry<S>,
    drain: Arc<Drain>,
    stall_timeout: Duration,
    peer: Peer,
}

impl<S> Calls<S> {
    pub(super) fn new(stack: S, drain: Arc<Drain>, stall_timeout: Duration, peer: Peer) -> Self {
        Self { entry: Entry(stack), drain, stall_timeout, peer }
    }
}

impl<S, R> Serve for Calls<S>
where
    S: Service<Request<RequestBody>, Response = Response<R>, Error = Infallible, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    R: Body<Data = Bytes, Error = Status> + Send + 'static,
{
    type Call = Call<Exchange<Entering<S::Future, R>, Either<Answer<R>, Empty<Bytes>>>>;

    fn call(&mut self, request: Request<Incoming>, respond: Respond) -> Self::Call {
        let exchange = respond.with(peer::enter(self.peer, || self.entry.call(request)));
        Call {
            inner: Some(exchange),
            drain: Arc::clone(&self.drain),
            stall_timeout: self.stall_timeout,
            told: Told::default(),
            stall: None,
        }
    }
}

thread_local! {
    /// Of the call that this thread is polling.
    static TOLD: Cell<Told> = const { Cell::new(Told { deadline: None, stack: Stack::Unasked, cut: None }) };
}

/// What the stack and the task of a call tell each other.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    deadline: Option<Deadline>,
    stack: Stack,
    cut: Option<Code>,
}

/// What the stack did in the current poll of the task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stack {
    /// It was not asked: the exchange is still waiting for the caller to read.
    #[default]
    Unasked,
    /// It waits, and its layers see to it that this ends.
    Waits,
    /// It gave something.
    Gave,
}

fn tell(change: impl FnOnce(&mut Told)) {
    let mut told = TOLD.get();
    change(&mut told);
    TOLD.set(told);
}

/// Tells the task the deadline of its call.
pub(super) fn tell_deadline(deadline: Option<Deadline>) {
    tell(|told| told.deadline = deadline);
}

/// Tells the task what became of asking the stack.
pub(super) fn tell_asked<T>(polled: &Poll<T>) {
    let stack = if polled.is_pending() { Stack::Waits } else { Stack::Gave };
    tell(|told| told.stack = stack);
}

/// Why the task drops the call that is being dropped; `None` if it does not.
pub(super) fn cut() -> Option<Code> {
    TOLD.get().cut
}

pin_project! {
    /// A call, until its answer is sent or nobody wants it any more.
    pub(super) struct Call<F> {
        #[pin]
        inner: Option<F>,
        drain: Arc<Drain>,
        stall_timeout: Duration,
        told: Told,
        // Made when the caller first keeps the answer waiting: most callers never do.
        stall: Option<Pin<Box<Stall>>>,
    }
}

impl<F: Future<Output = ()>> Future for Call<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(()) };
        TOLD.set(Told { stack: Stack::Unasked, ..*this.told });
        let polled = inner.poll(cx);
        *this.told = TOLD.take();
        if polled.is_ready() || this.told.stack == Stack::Waits {
            return polled;
        }
        let deadline = this.told.deadline;
        let patience = *this.stall_timeout;
        let stall = this.stall.get_or_insert_with(|| Box::pin(Stall::new(deadline, this.drain, patience)));
        if this.told.stack == Stack::Gave {
            stall.as_mut().begin(this.drain);
        }
        let code = ready!(stall.as_mut().poll_cut(cx));
        if code == Code::Unavailable {
            this.drain.cut_one();
        }
        TOLD.set(Told { cut: Some(code), ..Told::default() });
        this.inner.set(None);
        TOLD.take();
        Poll::Ready(())
    }
}

pin_project! {
    /// The wait for a caller to read.
    struct Stall {
        #[pin]
        alarm: Alarm,
        // How long the caller of a call without a deadline may read nothing, and when that ends.
        patience: Duration,
        #[pin]
        patience_end: Option<Sleep>,
        #[pin]
        streams: WaitForCancellationFutureOwned,
        // Whether the caller has read nothing since the drain began.
        outlasts_drain: bool,
    }
}

impl Stall {
    fn new(deadline: Option<Deadline>, drain: &Drain, patience: Duration) -> Self {
        let streams = drain.streams.clone().cancelled_owned();
        let patience_end = deadline.is_none().then(|| sleep(patience));
        Self { alarm: Alarm::new(deadline), patience, patience_end, streams, outlasts_drain: true }
    }

    /// The caller has taken the piece before, and now keeps this one waiting.
    fn begin(self: Pin<&mut Self>, drain: &Drain) {
        let this = self.project();
        *this.outlasts_drain = !drain.going_away.is_cancelled();
        if let Some(end) = this.patience_end.as_pin_mut() {
            end.reset(Instant::now() + *this.patience);
        }
    }

    /// Ready with the status that the call ends with once it must not wait any longer.
    fn poll_cut(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Code> {
        let this = self.project();
        if this.alarm.poll_past(cx).is_ready() {
            return Poll::Ready(Code::DeadlineExceeded);
        }
        if this.patience_end.as_pin_mut().is_some_and(|end| end.poll(cx).is_ready()) {
            return Poll::Ready(Code::DeadlineExceeded);
        }
        // Who still reads, however slowly, has all of the drain's time.
        if *this.outlasts_drain && this.streams.poll(cx).is_ready() {
            return Poll::Ready(Code::Unavailable);
        }
        Poll::Pending
    }
}
