//! The server's end of a connection.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use h2::{
    Reason,
    server::{Builder, Connection, Handshake, SendResponse},
};
use http::{Request, Response};
use http_body::Body;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::TaskTracker;

use super::{
    batch::{self, Tasks},
    client::ConnectionError,
    exchange::Exchange,
    frames::Frames,
    guard::{Guard, GuardSettings, Traffic, Verdict},
    heard::{Heard, LastHeard},
    incoming::Incoming,
    keepalive::{Keepalive, KeepaliveSettings},
    linger::Lingering,
    turn::Turn,
};

/// Flow control windows, in bytes: what a stream and a connection may have under way unread.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How many streams that this end has reset are remembered, so that what is still on its way to them harms nothing.
const MAX_RESET_STREAMS: usize = 64;

/// How often, in the life of a connection, a peer may break the rules of a stream (CVE-2023-44487's relatives: each
/// makes this end send a RST_STREAM). h2 then says GOAWAY(ENHANCE_YOUR_CALM).
const MAX_LOCAL_ERROR_RESETS: usize = 1_024;

/// How a server speaks HTTP/2 on each of its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerSettings {
    pub(crate) keepalive: KeepaliveSettings,
    /// `SETTINGS_MAX_CONCURRENT_STREAMS`.
    pub(crate) max_concurrent_streams: u32,
    /// `SETTINGS_MAX_HEADER_LIST_SIZE`.
    pub(crate) max_header_list_size: u32,
    /// Streams that a peer opens and resets before they are looked at (CVE-2023-44487, "rapid reset"). With one more
    /// h2 says GOAWAY(ENHANCE_YOUR_CALM).
    pub(crate) max_rapid_resets: usize,
    pub(crate) guard: GuardSettings,
}

/// Answers the calls of a connection.
pub(crate) trait Serve {
    /// A call, until it is over.
    type Call: Future<Output = ()> + Send + 'static;

    /// Begins a call.
    fn call(&mut self, request: Request<Incoming>, respond: Respond) -> Self::Call;
}

/// Where the answer of a call goes.
#[derive(Debug)]
pub(crate) struct Respond(SendResponse<Bytes>);

impl Respond {
    /// Sends the answer when it is there.
    pub(crate) fn with<F, B>(self, answer: F) -> Exchange<F, B>
    where
        F: Future<Output = Result<Response<B>, Infallible>>,
        B: Body<Data = Bytes>,
    {
        Exchange::new(answer, self.0)
    }
}

/// A connection, from its handshake until it has nothing more to say.
#[must_use = "futures do nothing unless polled"]
pub(crate) struct ServerConnection<Io, S: Serve> {
    state: State<Io>,
    settings: ServerSettings,
    heard: LastHeard,
    guard: Guard,
    serve: S,
    /// Calls that have come and are not begun.
    fresh: Vec<Pin<Box<S::Call>>>,
    tasks: Tasks,
    turn: Turn,
    is_going_away: bool,
    /// GOAWAY is all that is left to say.
    is_cut: bool,
    /// Calls that have come.
    calls: u64,
}

/// Noted when it is heard of, and heard out before it is closed.
type Wire<Io> = Heard<Lingering<Io>>;

/// Nothing in it is pinned in place.
impl<Io, S: Serve> Unpin for ServerConnection<Io, S> {}

enum State<Io> {
    Handshake(Handshake<Wire<Io>, Bytes>),
    Open { inner: Connection<Wire<Io>, Bytes>, keepalive: Keepalive },
}

impl<Io, S> ServerConnection<Io, S>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Serve,
{
    /// `tasks` owns those of the calls.
    pub(crate) fn new(io: Io, settings: ServerSettings, tasks: TaskTracker, serve: S) -> Self {
        let heard = LastHeard::new();
        let frames = Frames::new(settings.guard.min_ping_interval);
        let handshake = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_concurrent_streams(settings.max_concurrent_streams)
            .max_header_list_size(settings.max_header_list_size)
            .max_concurrent_reset_streams(MAX_RESET_STREAMS)
            .max_pending_accept_reset_streams(settings.max_rapid_resets)
            .max_local_error_reset_streams(Some(MAX_LOCAL_ERROR_RESETS))
            .handshake(Heard::new(Lingering::new(io), heard.clone(), Some(frames)));
        Self {
            state: State::Handshake(handshake),
            settings,
            guard: Guard::new(settings.guard, heard.clone()),
            heard,
            serve,
            fresh: Vec::new(),
            tasks: Tasks::new(tasks),
            turn: Turn::default(),
            is_going_away: false,
            is_cut: false,
            calls: 0,
        }
    }

    /// Says GOAWAY, twice: first that it will, so that what is on its way still comes, and then with the number of the
    /// last call that has come (RFC 9113, section 6.8). Over when the calls are.
    pub(crate) fn graceful_shutdown(&mut self) {
        self.is_going_away = true;
        self.guard.leave();
        if let State::Open { inner, .. } = &mut self.state {
            inner.graceful_shutdown();
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ConnectionError>> {
        let State::Handshake(handshake) = &mut self.state else { return Poll::Ready(Ok(())) };
        let mut inner = ready!(Pin::new(handshake).poll(cx))?;
        if self.is_going_away {
            inner.graceful_shutdown();
        }
        let keepalive = Keepalive::new(inner.ping_pong(), self.heard.clone(), self.settings.keepalive);
        self.state = State::Open { inner, keepalive };
        Poll::Ready(Ok(()))
    }
}

impl<Io, S> Future for ServerConnection<Io, S>
where
    Io: AsyncRead + AsyncWrite + Unpin,
    S: Serve,
{
    type Output = Result<(), ConnectionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        ready!(this.poll_open(cx))?;
        // A lone answer waits for nobody.
        if this.tasks.waiting() <= 1 {
            this.turn.keep();
        } else if this.turn.give_way(cx) {
            return Poll::Pending;
        }
        let State::Open { inner, keepalive } = &mut this.state else { return Poll::Pending };
        if keepalive.poll_dead(cx).is_ready() {
            inner.abrupt_shutdown(Reason::NO_ERROR);
            return Poll::Ready(Err(ConnectionError::Silent));
        }
        let traffic = Traffic { calls: this.calls, in_flight: this.tasks.waiting() };
        while !this.is_cut {
            match this.guard.poll_verdict(traffic, cx) {
                Poll::Pending => break,
                Poll::Ready(Verdict::Leave(why)) => {
                    tracing::debug!(why, "a connection takes no more calls");
                    inner.graceful_shutdown();
                }
                Poll::Ready(Verdict::Cut(reason, why)) => {
                    tracing::debug!(why, ?reason, "a connection is cut");
                    this.is_cut = true;
                    inner.abrupt_shutdown(reason);
                }
            }
        }
        let mut is_rest = false;
        loop {
            // Reads all that is there, and writes what has been said.
            let accepted = if this.fresh.len() < batch::MOST { inner.poll_accept(cx) } else { Poll::Pending };
            match accepted {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    this.calls += 1;
                    let request = request.map(|stream| Incoming::new(stream, None));
                    this.fresh.push(Box::pin(this.serve.call(request, Respond(respond))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error.into())),
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                // Who has just sent too many pings is told with the answer to the last of them, and knows what for.
                Poll::Pending if this.fresh.is_empty() && !this.is_cut && this.guard.has_struck_out() => {
                    this.is_cut = true;
                    inner.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
                }
                Poll::Pending if this.fresh.is_empty() => return Poll::Pending,
                Poll::Pending => {
                    let share = batch::share(this.fresh.len(), is_rest);
                    is_rest = share < this.fresh.len();
                    this.tasks.begin(this.fresh.drain(..share));
                }
            }
        }
    }
}
