//! The client's end of a connection.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker, ready},
};

use bytes::Bytes;
use h2::{
    Reason,
    client::{Builder, Connection, ResponseFuture, SendRequest as Sender},
};
use http::{Request, Response};
use http_body::{Body, Frame};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::oneshot,
};
use tokio_util::task::TaskTracker;

use super::{
    heard::{Heard, LastHeard},
    incoming::Incoming,
    keepalive::{Keepalive, KeepaliveSettings},
    pump::Pump,
    turn::Turn,
};

/// Flow control windows, in bytes: what a stream and a connection may have under way unread. Wide enough for 2 MiB and
/// 5 MiB in a round trip.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 5 * 1024 * 1024;

/// How a client speaks HTTP/2 on each of its connections.
#[derive(Clone, Debug)]
pub(crate) struct ClientSettings {
    pub(crate) keepalive: KeepaliveSettings,
    /// `SETTINGS_MAX_HEADER_LIST_SIZE`.
    pub(crate) max_header_list_size: u32,
    /// Streams at once until the peer says how many it allows.
    pub(crate) initial_max_send_streams: usize,
    /// Owns the tasks that send what a stream of messages takes its time to make.
    pub(crate) tasks: TaskTracker,
}

impl ClientSettings {
    /// Begins HTTP/2.
    ///
    /// # Errors
    /// Whatever the network says.
    pub(crate) async fn handshake<Io>(&self, io: Io) -> Result<(SendRequest, ClientConnection<Io>), h2::Error>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        let heard = LastHeard::new();
        let (sender, mut connection) = Builder::new()
            .enable_push(false)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(self.max_header_list_size)
            .initial_max_send_streams(self.initial_max_send_streams)
            .handshake(Heard::new(io, heard.clone(), None))
            .await?;
        let keepalive = Keepalive::new(connection.ping_pong(), heard, self.keepalive);
        let shared = Arc::new(Shared::default());
        let sender = SendRequest { inner: sender, shared: Arc::clone(&shared), tasks: self.tasks.clone() };
        Ok((sender, ClientConnection { inner: connection, keepalive, shared, turn: Turn::default() }))
    }
}

/// What callers and their connection know of each other.
#[derive(Debug, Default)]
struct Shared {
    /// Calls that wait for the head of their answer.
    waiting: AtomicUsize,
}

/// Carries what callers send. Over when the connection takes no more calls and the last one is over.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct ClientConnection<Io> {
    inner: Connection<Heard<Io>, Bytes>,
    keepalive: Keepalive,
    shared: Arc<Shared>,
    turn: Turn,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> ClientConnection<Io> {
    /// How many streams the peer allows (`SETTINGS_MAX_CONCURRENT_STREAMS`), as far as it is known.
    pub(crate) fn max_send_streams(&self) -> usize {
        self.inner.max_concurrent_send_streams()
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Future for ClientConnection<Io> {
    type Output = Result<(), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // A lone caller waits for nobody.
        if this.shared.waiting.load(Ordering::Relaxed) <= 1 {
            this.turn.keep();
        } else if this.turn.give_way(cx) {
            return Poll::Pending;
        }
        if this.keepalive.poll_dead(cx).is_ready() {
            return Poll::Ready(Err(ConnectionError::Silent));
        }
        let polled = Pin::new(&mut this.inner).poll(cx);
        polled.map_err(|error| ConnectionError::of(error, this.keepalive.has_asked_lately()))
    }
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// It did not answer a ping.
    #[error("the other end is silent: a keepalive ping was not answered")]
    Silent,
    /// It was asked too often whether it lives.
    #[error("the other end was sent too many keepalive pings")]
    TooManyPings(#[source] h2::Error),
    /// HTTP/2, or the network.
    #[error(transparent)]
    Http2(#[from] h2::Error),
}

impl ConnectionError {
    /// `asked`: whether a keepalive ping was sent lately.
    fn of(error: h2::Error, asked: bool) -> Self {
        if says_too_many_pings(&error, asked) { Self::TooManyPings(error) } else { Self::Http2(error) }
    }
}

/// gRFC A8: GOAWAY, ENHANCE_YOUR_CALM, `too_many_pings`. Who can send no debug data, as servers over h2, ours among
/// them, says it without, and can mean something else by it; soon after a ping it means this.
fn says_too_many_pings(error: &h2::Error, asked: bool) -> bool {
    if !(error.is_go_away() && error.is_remote()) || error.reason() != Some(Reason::ENHANCE_YOUR_CALM) {
        return false;
    }
    // h2 shows the debug data here alone: `... (b"too_many_pings")`.
    let text = error.to_string();
    text.contains("too_many_pings") || (asked && !text.ends_with(')'))
}

/// Sends requests on a connection. When the last clone is gone, so is the connection, once its calls are over.
#[derive(Clone)]
pub(crate) struct SendRequest {
    inner: Sender<Bytes>,
    shared: Arc<Shared>,
    tasks: TaskTracker,
}

/// A request that has not left this process.
pub(crate) struct Unsent<B> {
    pub(crate) error: h2::Error,
    pub(crate) request: Request<B>,
}

impl<B> fmt::Debug for Unsent<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Messages are never logged.
        f.debug_struct("Unsent").field("error", &self.error).finish_non_exhaustive()
    }
}

impl SendRequest {
    /// Sends a request, whose answer is to be waited for. A body that is ready at once goes with its head; the rest of
    /// any other one is sent by a task of its own.
    ///
    /// # Errors
    /// [`Unsent`].
    pub(crate) fn send<B>(mut self, request: Request<B>) -> Result<Sent, Box<Unsent<B>>>
    where
        B: Body<Data = Bytes, Error: Send + Unpin> + Send + Unpin + 'static,
    {
        // Never pending: that is only who has a stream in the queue, and this clone has none.
        if let Poll::Ready(Err(error)) = self.inner.poll_ready(&mut Context::from_waker(Waker::noop())) {
            return Err(Box::new(Unsent { error, request }));
        }
        let (head, mut body) = request.into_parts();
        let begun = Begun::of(&mut body);
        let sent = self.inner.send_request(Request::from_parts(head, ()), matches!(begun, Begun::Empty));
        let waiting = Waiting::new(&self.shared);
        let (response, mut stream) = match sent {
            Ok(sent) => sent,
            Err(error) => return Ok(Sent::broken(error, waiting)),
        };
        let mut pump = None;
        match begun {
            Begun::Empty => {}
            Begun::Whole(data) => {
                if let Err(error) = stream.send_data(data, true) {
                    return Ok(Sent::broken(error, waiting));
                }
            }
            Begun::Part(first) => {
                let (stop, stopped) = oneshot::channel::<()>();
                let rest = Pump::new(stream, Rest { first, body }, Reason::CANCEL);
                self.tasks.spawn(async move {
                    // Who dropped the answer wants the question no longer; its stream is reset with the pump.
                    tokio::select! {
                        biased;
                        _ = rest => {}
                        _ = stopped => {}
                    }
                });
                pump = Some(stop);
            }
        }
        Ok(Sent { state: State::Waits(response), pump, _waiting: waiting })
    }
}

/// A request that was sent: the head of its answer. Dropping it resets the stream.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct Sent {
    state: State,
    /// Ends the pump of the request's body, if that goes on.
    pump: Option<oneshot::Sender<()>>,
    _waiting: Waiting,
}

enum State {
    Waits(ResponseFuture),
    /// The connection would not have it, or broke meanwhile.
    Broken(Option<h2::Error>),
}

impl Sent {
    fn broken(error: h2::Error, waiting: Waiting) -> Self {
        Self { state: State::Broken(Some(error)), pump: None, _waiting: waiting }
    }
}

impl Future for Sent {
    type Output = Result<Response<Incoming>, h2::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Waits(response) => {
                let response = ready!(Pin::new(response).poll(cx))?;
                Poll::Ready(Ok(response.map(|stream| Incoming::new(stream, self.pump.take()))))
            }
            State::Broken(error) => error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }
}

impl fmt::Debug for SendRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendRequest").field("shared", &self.shared).finish_non_exhaustive()
    }
}

/// A call that waits for the head of its answer.
struct Waiting(Arc<Shared>);

impl Waiting {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What of a body is ready.
enum Begun<E> {
    /// It is empty.
    Empty,
    /// All of it.
    Whole(Bytes),
    /// Not all of it; what there is, or why there will be no more.
    Part(Option<Result<Frame<Bytes>, E>>),
}

impl<E> Begun<E> {
    fn of<B: Body<Data = Bytes, Error = E> + Unpin>(body: &mut B) -> Self {
        if body.is_end_stream() {
            return Self::Empty;
        }
        // Whoever polls it next is woken by it.
        match Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if body.is_end_stream() => Self::Whole(data),
                Ok(data) => Self::Part(Some(Ok(Frame::data(data)))),
                Err(frame) => Self::Part(Some(Ok(frame))),
            },
            Poll::Ready(None) => Self::Empty,
            // The pump resets the stream: a body that has failed must not be asked again, for it may say that it is
            // over.
            Poll::Ready(Some(Err(error))) => Self::Part(Some(Err(error))),
            Poll::Pending => Self::Part(None),
        }
    }
}

/// A body whose first frame was taken.
struct Rest<B: Body> {
    first: Option<Result<Frame<Bytes>, B::Error>>,
    body: B,
}

impl<B: Body<Data = Bytes, Error: Unpin> + Unpin> Body for Rest<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.body.is_end_stream()
    }
}
