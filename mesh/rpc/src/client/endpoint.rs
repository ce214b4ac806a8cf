//! One endpoint and the one connection to it, which all calls share.
//!
//! ```text
//!          a call wants it                connected
//!  Idle ────────────────────> Connecting ──────────> Ready
//!   ^                             │ ^                  │ lost
//!   │                      failed │ │ a call wants it, │
//!   │                             v │ the wait is over │
//!   │                            Failed <──────────────┤ at once, without an answer to any call
//!   └──────────────────────────────────────────────────┘ else
//! ```
//!
//! Calls drive it: an endpoint that nobody wants is not connected to, and there is no task for it.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use http::uri::Authority;
use hyper::client::conn::http2::{Builder, SendRequest};
use mesh_telemetry::chain;
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::body::Body;

use super::{
    ChannelConfig,
    backoff::Backoff,
    dial::{Dial, Opened},
};
use crate::{error::MeshError, executor::Tracked};

/// What all endpoints of a channel share.
pub(super) struct Wires {
    pub(super) dial: Box<dyn Dial>,
    pub(super) settings: Builder<Tracked>,
    pub(super) config: ChannelConfig,
    pub(super) backoff: Backoff,
    /// Owns every task of the channel.
    pub(super) tasks: TaskTracker,
    pub(super) closed: CancellationToken,
    /// Wakes the calls that wait for a connection whenever an endpoint, or the list of them, changes.
    pub(super) changed: watch::Sender<()>,
    /// Tells the resolver that an endpoint was lost or could not be reached.
    pub(super) trouble: Notify,
}

enum State {
    Idle,
    Connecting,
    Ready(SendRequest<Body>),
    Failed {
        error: MeshError,
        until: Instant,
    },
    /// The channel, or the endpoint's place in it, is gone.
    Retired,
}

/// What an endpoint can do for a call.
pub(super) enum Readiness {
    Ready(SendRequest<Body>),
    /// There may be a connection soon.
    Coming,
    /// There will be none for a while.
    Failed,
}

pub(super) struct Endpoint {
    pub(super) address: SocketAddr,
    /// `:authority` of the calls to it.
    pub(super) authority: Authority,
    wires: Arc<Wires>,
    state: RwLock<State>,
    /// Attempts to connect that failed in a row.
    failures: AtomicU32,
    /// Whether the connection has answered a call. One that closes at once, before it has, is no better than one
    /// that was refused: without this a peer that accepts and hangs up would be connected to without a pause.
    answered: AtomicBool,
    /// Places for calls. hyper's own queue before the connection has no bound.
    places: Semaphore,
}

/// A place among the calls in flight on an endpoint, given back when it is dropped.
pub(super) struct Place(Arc<Endpoint>);

impl Place {
    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.0
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.places.add_permits(1);
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Place").field(&self.0.address).finish()
    }
}

impl Endpoint {
    pub(super) fn new(address: SocketAddr, authority: Authority, wires: Arc<Wires>) -> Self {
        let places = Semaphore::new(wires.config.max_in_flight);
        Self {
            address,
            authority,
            wires,
            state: RwLock::new(State::Idle),
            failures: AtomicU32::new(0),
            answered: AtomicBool::new(false),
            places,
        }
    }

    /// What the endpoint can do for a call that wants it. Starts to connect if that is due.
    pub(super) fn want(self: &Arc<Self>) -> Readiness {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Ready(sender) if !sender.is_closed() => return Readiness::Ready(sender.clone()),
            // A connection that has just closed: its task is about to say so.
            State::Ready(_) | State::Connecting => return Readiness::Coming,
            State::Failed { until, .. } if Instant::now() < *until => return Readiness::Failed,
            State::Retired => return Readiness::Failed,
            State::Idle | State::Failed { .. } => {}
        }
        self.connect();
        Readiness::Coming
    }

    /// A place for a call, if there is one now.
    pub(super) fn try_place(self: &Arc<Self>) -> Option<Place> {
        self.places.try_acquire().ok()?.forget();
        Some(Place(Arc::clone(self)))
    }

    /// A place for a call, in the order in which calls asked for one.
    pub(super) async fn place(self: &Arc<Self>) -> Place {
        self.places.acquire().await.expect("nobody closes this semaphore").forget();
        Place(Arc::clone(self))
    }

    /// Why there is no connection.
    pub(super) fn error(&self) -> Option<MeshError> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Failed { error, .. } => Some(error.clone()),
            _ => None,
        }
    }

    /// The connection has answered a call.
    pub(super) fn answered(&self) {
        // Read first: all calls share this, and the answer is nearly always the same.
        if !self.answered.load(Ordering::Relaxed) {
            self.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Takes no more calls. Those under way finish on the connection, which then closes by itself.
    pub(super) fn retire(&self) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = State::Retired;
    }

    fn connect(self: &Arc<Self>) {
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            // Somebody else may have been faster.
            if !matches!(*state, State::Idle | State::Failed { .. }) {
                return;
            }
            *state = State::Connecting;
        }
        let endpoint = Arc::clone(self);
        self.wires.tasks.spawn(async move { endpoint.live().await });
    }

    /// One connection, from the attempt to its end.
    async fn live(&self) {
        let timeout = self.wires.config.connect_timeout;
        let open = tokio::time::timeout(timeout, self.wires.dial.open(self.address, &self.wires.settings));
        let opened = tokio::select! {
            () = self.wires.closed.cancelled() => return self.retire(),
            opened = open => opened,
        };
        match opened {
            Ok(Ok(Opened { sender, driver })) => {
                tracing::debug!(endpoint = %self.address, "connected");
                self.answered.store(false, Ordering::Relaxed);
                self.become_state(State::Ready(sender));
                let since = Instant::now();
                let cause = match driver.await {
                    Ok(()) => "the server closed the connection".to_owned(),
                    Err(error) => chain(&error).to_string(),
                };
                self.lost(since, cause);
            }
            Ok(Err(cause)) => self.fail(cause),
            Err(_) => self.fail(format!("no answer within {timeout:?}")),
        }
    }

    fn lost(&self, since: Instant, cause: String) {
        let was_good =
            self.answered.load(Ordering::Relaxed) || since.elapsed() >= self.wires.config.backoff_initial;
        if was_good {
            tracing::debug!(endpoint = %self.address, cause, "connection lost");
            self.failures.store(0, Ordering::Relaxed);
            self.become_state(State::Idle);
            self.wires.trouble.notify_one();
        } else {
            self.fail(cause);
        }
    }

    fn fail(&self, cause: String) {
        let failures = self.failures.load(Ordering::Relaxed).saturating_add(1);
        self.failures.store(failures, Ordering::Relaxed);
        let wait = self.wires.backoff.after(failures);
        tracing::debug!(endpoint = %self.address, cause, failures, wait_ms = wait.as_millis(), "cannot connect");
        let error = MeshError::ConnectFailed { endpoint: self.address.to_string(), cause };
        self.become_state(State::Failed { error, until: Instant::now() + wait });
        self.wires.trouble.notify_one();
    }

    fn become_state(&self, next: State) {
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            if matches!(*state, State::Retired) {
                return;
            }
            *state = next;
        }
        self.wires.changed.send_replace(());
    }
}
