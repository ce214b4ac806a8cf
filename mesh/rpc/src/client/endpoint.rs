//! One endpoint: its connections, and what calls have found out about it.
//!
//! ```text
//!          a call wants it                connected
//!  Idle ────────────────────> Connecting ──────────> Ready
//!   ^                             │ ^                  │ the last connection is lost
//!   │                      failed │ │ a call wants it, │
//!   │                             v │ the wait is over │
//!   │                            Failed <──────────────┤ at once, without an answer to any call
//!   └──────────────────────────────────────────────────┘ else
//! ```
//!
//! Calls drive it: an endpoint that nobody wants is not connected to. A ready endpoint gets a further connection
//! when its calls find no stream on those it has ([`pool`](super::pool)). One attempt to connect is under way at a
//! time, and all attempts share one backoff (gRFC A105).

use std::{
    fmt,
    future::poll_fn,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::uri::Authority;
use mesh_telemetry::chain;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    address::Address,
    balance::Seat,
    dial::{Driver, Opened},
    health::{self, Vital, Vitals},
    pool::{Connection, INITIAL_STREAMS, NoStream, Peer, Pool},
    wires::Wires,
};
use crate::{error::MeshError, wire::ConnectionError};

/// How long a new connection is looked at, each time twice as long as the time before, until its peer has said how
/// many streams it allows: half a second in all.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(500);

/// What an endpoint can do for calls.
pub(super) enum Phase {
    /// Nothing before it is connected to, which it may be from then on, at once if there is no time.
    Asleep {
        error: Option<MeshError>,
        until: Option<Instant>,
    },
    /// There may be a connection soon.
    Connecting,
    Ready,
    /// The channel, or the endpoint's place in it, is gone.
    Retired,
}

struct State {
    phase: Phase,
    /// Where it is now: of its addresses, all but the one that it is known by may change.
    address: Address,
    /// Whether an attempt to connect is under way.
    attempting: bool,
    /// Attempts to connect that failed in a row.
    failures: u32,
    /// The end of the wait after the last of them.
    retry_at: Option<Instant>,
    /// Ends the watch of its health.
    watch: CancellationToken,
}

/// One endpoint: first what every call on it reads.
#[repr(C)]
pub(super) struct Endpoint {
    pub(super) wires: Arc<Wires>,
    pub(super) gauges: Seat,
    key: SocketAddr,
    /// `:authority` of the calls to it.
    pub(super) authority: Authority,
    /// Where it was when it became known.
    pub(super) address: Address,
    vitals: Vitals,
    pool: Pool,
    state: Mutex<State>,
}

impl Endpoint {
    pub(super) fn new(address: Address, authority: Authority, gauges: Seat, wires: Arc<Wires>) -> Self {
        Self {
            key: address.key(),
            address: address.clone(),
            authority,
            gauges,
            vitals: Vitals::new(),
            pool: Pool::default(),
            state: Mutex::new(State {
                address,
                phase: Phase::Asleep { error: None, until: None },
                attempting: false,
                failures: 0,
                retry_at: None,
                watch: CancellationToken::new(),
            }),
            wires,
        }
    }

    /// What it is called among the endpoints of its channel.
    pub(super) fn key(&self) -> SocketAddr {
        self.key
    }

    /// From the next connection on, it is there.
    pub(super) fn is_now_at(&self, address: &Address) {
        let mut state = self.lock();
        if state.address != *address {
            tracing::debug!(endpoint = %self.address, ?address, "its addresses changed");
            state.address = address.clone();
        }
    }

    /// A connection on which a stream was taken for a call, if there is one now. Takes no lock.
    pub(super) fn take_stream(&self) -> Option<Arc<Connection>> {
        let taken = self.pool.take();
        if matches!(taken, Err(NoStream::Full { first: true })) {
            self.wires.keeper.wake();
        }
        taken.ok()
    }

    pub(super) fn has_room(&self) -> bool {
        self.gauges.load.in_flight.taken() < self.wires.config.max_in_flight && self.pool.has_room()
    }

    /// From now on it is new, and gets its share little by little.
    pub(super) fn begin_slowly(&self) {
        let tick = self.wires.epoch.tick(Instant::now());
        self.gauges.slow_start.begin(&self.wires.config.balance.slow_start, tick);
    }

    /// What the server says of itself.
    pub(super) fn vital(&self) -> Vital {
        self.vitals.read()
    }

    pub(super) fn is_said_to_be(&self, vital: Vital) {
        if self.vitals.set(vital) {
            tracing::debug!(endpoint = %self.address, ?vital, "the server says");
            self.wires.keeper.wake();
        }
    }

    pub(super) fn any_connection(&self) -> Option<Arc<Connection>> {
        self.pool.first()
    }

    pub(super) fn is_connected(&self) -> bool {
        self.pool.is_open()
    }

    /// Looks at what the endpoint can do for calls.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Phase) -> T) -> T {
        look(&self.lock().phase)
    }

    /// Connects, if that is due: because a call wants the endpoint (`wanted`), or one more connection to it. Returns
    /// when it will be, if calls want one more connection now.
    pub(super) fn connect_if_due(self: &Arc<Self>, wanted: bool, now: Instant) -> Option<Instant> {
        {
            let mut state = self.lock();
            let due = |at: Option<Instant>| at.is_none_or(|at| at <= now);
            match state.phase {
                _ if state.attempting => return None,
                Phase::Asleep { until, .. } if wanted && due(until) => state.phase = Phase::Connecting,
                Phase::Ready if self.pool.wants_more() => {
                    if self.pool.has_room() {
                        // By now it has.
                        self.pool.is_dealt_with();
                        return None;
                    }
                    if self.pool.len() >= self.wires.config.pool.max_connections {
                        return None;
                    }
                    if !due(state.retry_at) {
                        return state.retry_at;
                    }
                    self.pool.is_dealt_with();
                }
                _ => return None,
            }
            state.attempting = true;
        }
        let endpoint = Arc::clone(self);
        self.wires.tasks.spawn(async move { endpoint.live().await });
        None
    }

    /// Gives up connections that nobody needs any more.
    pub(super) fn close_idle(&self) {
        let _state = self.lock();
        let closed = self.pool.close_idle();
        if closed > 0 {
            tracing::debug!(endpoint = %self.address, closed, "closing idle connections");
        }
    }

    /// Takes no more calls. Those under way finish on their connections, which then close by themselves.
    pub(super) fn retire(&self) {
        let mut state = self.lock();
        state.phase = Phase::Retired;
        self.pool.clear();
        state.watch.cancel();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One connection, from the attempt to its end.
    async fn live(self: &Arc<Self>) {
        let patience = self.wires.config.connect_timeout;
        let address = self.lock().address.clone();
        let settings = self.wires.settings_now();
        let open = timeout(patience, self.wires.dial.open(&address, &settings));
        let opened = tokio::select! {
            biased;
            () = self.wires.closed.cancelled() => return self.retire(),
            opened = open => opened,
        };
        match opened {
            Ok(Ok(Opened { sender, driver })) => {
                let connection = Arc::new(Connection::new(sender, Arc::clone(self)));
                let peer = Peer::of(&connection);
                if self.opened(connection) {
                    self.wires.metrics.connected();
                    let ended = self.drive(driver, &peer).await;
                    self.over(ended, &peer, settings.keepalive.interval);
                    self.wires.metrics.disconnected();
                }
            }
            Ok(Err(cause)) => self.failed(cause),
            Err(_) => self.failed(format!("no answer within {patience:?}")),
        }
    }

    /// There is a connection. Returns whether there is still use for it.
    pub(super) fn opened(self: &Arc<Self>, connection: Arc<Connection>) -> bool {
        let mut state = self.lock();
        state.attempting = false;
        if matches!(state.phase, Phase::Retired) {
            return false;
        }
        let is_first = !matches!(state.phase, Phase::Ready);
        if is_first {
            // Whatever is known is of a server that may be gone.
            self.gauges.load.forget();
            self.gauges.record.begin_anew();
            self.begin_slowly();
            self.ask_for_health(&mut state);
        }
        state.phase = Phase::Ready;
        self.pool.add(connection);
        drop(state);
        tracing::debug!(endpoint = %self.address, connections = self.pool.len(), "connected");
        self.wires.keeper.wake();
        true
    }

    /// If that is wanted: until the server has answered, it is not ready.
    fn ask_for_health(self: &Arc<Self>, state: &mut State) {
        if let Some(service) = &self.wires.config.health.watch {
            self.vitals.set(Vital::Unknown);
            state.watch.cancel();
            state.watch = CancellationToken::new();
            self.wires.tasks.spawn(health::follow(Arc::clone(self), service.clone(), state.watch.clone()));
        }
    }

    /// Carries calls until the connection is over.
    async fn drive(&self, mut driver: Driver, peer: &Peer) -> Ended {
        let _closing = Closing(peer);
        let since = Instant::now();
        let mut allowed = INITIAL_STREAMS;
        let mut look = |driver: &Driver| {
            // The same on nearly every poll.
            let before = std::mem::replace(&mut allowed, driver.max_send_streams());
            if allowed != before && peer.allows(allowed) {
                // Calls that wait can go on.
                self.wires.queue.wake_all();
            }
        };
        let mut pause = FIRST_LOOK;
        loop {
            let over = poll_fn(|cx| {
                let polled = driver.as_mut().poll(cx);
                look(&driver);
                polled
            });
            tokio::select! {
                biased;
                how = over => return Ended { how, after: since.elapsed() },
                // The peer's settings come soon after it has accepted, and wake nobody.
                () = sleep(pause), if !peer.is_settled() => {
                    look(&driver);
                    pause *= 2;
                    if pause > LAST_LOOK && peer.settle() {
                        self.wires.queue.wake_all();
                    }
                }
            }
        }
    }

    /// A connection is over, on which a ping was sent whenever it was silent for `pinged_every`.
    fn over(&self, ended: Ended, peer: &Peer, pinged_every: Duration) {
        let cause = match &ended.how {
            Ok(()) => "the server closed the connection".to_owned(),
            Err(error) => chain(error).to_string(),
        };
        if matches!(ended.how, Err(ConnectionError::TooManyPings(_)))
            && let Some(interval) = self.wires.ping_interval.was_too_often(pinged_every)
        {
            let (endpoint, interval_s) = (&self.address, interval.as_secs());
            tracing::warn!(%endpoint, interval_s, "keepalive pings came too often for the server: longer intervals");
        }
        let was_good = peer.has_answered() || ended.after >= self.wires.config.backoff_initial;
        let mut state = self.lock();
        if !self.pool.remove(peer) {
            // It was given up, and closed by itself when its last call was over.
            return;
        }
        if !was_good {
            return self.fail(state, cause);
        }
        tracing::debug!(endpoint = %self.address, cause, "connection lost");
        state.failures = 0;
        self.without_connection(&mut state, None, None);
        drop(state);
        self.wires.keeper.wake();
        self.wires.trouble.notify_one();
    }

    /// An attempt to connect failed.
    fn failed(&self, cause: String) {
        let mut state = self.lock();
        state.attempting = false;
        self.wires.metrics.connect_failed();
        self.fail(state, cause);
    }

    fn fail(&self, mut state: MutexGuard<'_, State>, cause: String) {
        state.failures = state.failures.saturating_add(1);
        let (failures, wait) = (state.failures, self.wires.backoff.after(state.failures));
        tracing::debug!(endpoint = %self.address, cause, failures, wait_ms = wait.as_millis(), "cannot connect");
        state.retry_at = Some(Instant::now() + wait);
        let (error, until) =
            (MeshError::ConnectFailed { endpoint: self.address.to_string(), cause }, state.retry_at);
        self.without_connection(&mut state, Some(error), until);
        drop(state);
        self.wires.keeper.wake();
        self.wires.trouble.notify_one();
    }

    /// If there is no connection left, it is asleep, or waits for the one that is on its way.
    fn without_connection(&self, state: &mut State, error: Option<MeshError>, until: Option<Instant>) {
        if matches!(state.phase, Phase::Retired) || self.pool.len() > 0 {
            return;
        }
        state.phase = if state.attempting { Phase::Connecting } else { Phase::Asleep { error, until } };
    }
}

/// How a connection ended, and how long after it was opened.
struct Ended {
    how: Result<(), ConnectionError>,
    after: Duration,
}

/// A connection takes no more calls when nobody drives it any more.
struct Closing<'a>(&'a Peer);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).finish_non_exhaustive()
    }
}
