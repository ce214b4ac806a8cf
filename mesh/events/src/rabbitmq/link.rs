//! One connection and the task that keeps it up.
//!
//! The driver's own recovery is off: it gives up after some attempts without telling anybody, and it does not
//! recover channels. Here everything is thrown away and built again: connection, topology, channels.

use std::{fmt, sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use rand::RngExt;
use tokio::{
    sync::watch,
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{RabbitConfig, error::RabbitError, topology::Topology};

/// What a connection is for. Publishers are kept apart: while the broker blocks them, nothing is written on their
/// connection, and acknowledgements must go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Publish,
    Consume,
}

/// How a connection to the broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There is none; it is being built, for as long as it takes.
    Down,
    /// It works.
    Up,
    /// It works, and the broker takes nothing from publishers for now, for the reason that it gives.
    Blocked(String),
}

/// A connection that is kept up. Clones share it.
#[derive(Clone)]
pub(super) struct Link {
    live: watch::Receiver<Option<Arc<Live>>>,
    state: watch::Receiver<LinkState>,
    config: Arc<RabbitConfig>,
}

/// A connection as long as it lives.
pub(super) struct Live {
    connection: Connection,
    config: Arc<RabbitConfig>,
    /// Ends this connection and has a new one built.
    broken: CancellationToken,
}

/// The task that keeps a connection up.
pub(super) struct Supervisor {
    role: Role,
    config: Arc<RabbitConfig>,
    topology: Arc<Topology>,
    live: watch::Sender<Option<Arc<Live>>>,
    state: watch::Sender<LinkState>,
}

// === impl Link ===

impl Link {
    /// The connection and what keeps it up; nothing happens before [`Supervisor::run`].
    pub(super) fn new(
        role: Role,
        config: &Arc<RabbitConfig>,
        topology: &Arc<Topology>,
    ) -> (Self, Supervisor) {
        let (live_sender, live) = watch::channel(None);
        let (state_sender, state) = watch::channel(LinkState::Down);
        let supervisor = Supervisor {
            role,
            config: Arc::clone(config),
            topology: Arc::clone(topology),
            live: live_sender,
            state: state_sender,
        };
        (Self { live, state, config: Arc::clone(config) }, supervisor)
    }

    pub(super) fn state(&self) -> LinkState {
        self.state.borrow().clone()
    }

    /// The connection, as soon as there is one.
    ///
    /// # Errors
    /// [`RabbitError::NotConnected`] when there is none within the connect timeout.
    pub(super) async fn live(&self) -> Result<Arc<Live>, RabbitError> {
        let mut live = self.live.clone();
        let up = live.wait_for(Option::is_some);
        match timeout(self.config.connect_timeout, up).await {
            Ok(Ok(live)) => live.clone().ok_or(RabbitError::NotConnected),
            Ok(Err(_)) => Err(RabbitError::Closed),
            Err(_) => Err(RabbitError::NotConnected),
        }
    }

    /// Waits as long as publishers are blocked, within the bound.
    ///
    /// # Errors
    /// [`RabbitError::Blocked`].
    pub(super) async fn unblocked(&self) -> Result<(), RabbitError> {
        let mut state = self.state.clone();
        let unblocked = state.wait_for(|state| !matches!(state, LinkState::Blocked(_)));
        match timeout(self.config.blocked_timeout, unblocked).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(RabbitError::Closed),
            Err(_) => Err(RabbitError::Blocked),
        }
    }
}

// === impl Live ===

impl Live {
    /// Opens a channel. A connection that cannot is given up.
    pub(super) async fn channel(&self) -> Result<Channel, RabbitError> {
        let opened = timeout(self.config.confirm_timeout, self.connection.create_channel()).await;
        match opened {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(error)) => {
                self.broken.cancel();
                Err(error.into())
            }
            Err(_) => {
                self.broken.cancel();
                Err(RabbitError::Elapsed("open a channel"))
            }
        }
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    pub(super) fn is_up(&self) -> bool {
        self.connection.status().connected() && !self.broken.is_cancelled()
    }

    /// Says good-bye, if anybody still listens. The broker takes back what was out.
    async fn close(&self) {
        self.broken.cancel();
        let _ = timeout(Duration::from_secs(1), self.connection.close(200, "OK".into())).await;
    }
}

// === impl Supervisor ===

impl Supervisor {
    /// Keeps the connection up until `stop`, then closes it.
    pub(super) async fn run(self, stop: CancellationToken) {
        let (first, last) = self.config.backoff;
        let mut wait = first;
        let mut is_failing = false;
        loop {
            match stop.run_until_cancelled(self.connect()).await {
                None => break,
                Some(Ok(live)) => {
                    if std::mem::take(&mut is_failing) {
                        tracing::info!(role = ?self.role, "connected to the broker again");
                    }
                    wait = first;
                    let reason = self.keep(&live, &stop).await;
                    self.state.send_replace(LinkState::Down);
                    self.live.send_replace(None);
                    live.close().await;
                    if stop.is_cancelled() {
                        break;
                    }
                    is_failing = true;
                    tracing::warn!(role = ?self.role, reason, "lost the connection to the broker, connecting again");
                }
                Some(Err(error)) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        let error = mesh_telemetry::chain(&error);
                        tracing::warn!(role = ?self.role, %error, "cannot connect to the broker, trying again");
                    }
                }
            }
            let jittered = wait.mul_f64(rand::rng().random_range(0.5..=1.0));
            wait = (wait * 2).min(last);
            if stop.run_until_cancelled(tokio::time::sleep(jittered)).await.is_none() {
                break;
            }
        }
        self.state.send_replace(LinkState::Down);
    }

    async fn connect(&self) -> Result<Arc<Live>, RabbitError> {
        let mut uri = self.config.uri.0.clone();
        let seconds = u16::try_from(self.config.heartbeat.as_secs()).unwrap_or(u16::MAX).max(1);
        uri.query.heartbeat = Some(seconds);
        let name = format!("{} {}", self.config.connection_name, self.role.name());
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connected = timeout(self.config.connect_timeout, Connection::connect_uri(uri, properties)).await;
        let connection = connected.map_err(|_| RabbitError::Elapsed("let us in"))??;
        let config = Arc::clone(&self.config);
        let live = Arc::new(Live { connection, config, broken: CancellationToken::new() });
        // Before anybody can use the connection: what is published meets its queues.
        self.topology.apply(&live).await?;
        Ok(live)
    }

    async fn rebind(&self, live: &Live) -> Result<(), RabbitError> {
        self.topology.bind(&live.channel().await?).await
    }

    /// Hands the connection out until it fails; says why it ended.
    async fn keep(&self, live: &Arc<Live>, stop: &CancellationToken) -> String {
        let mut events = std::pin::pin!(live.connection.events_listener());
        self.state.send_replace(LinkState::Up);
        self.live.send_replace(Some(Arc::clone(live)));
        let mut rebind = interval(self.config.rebind_every.max(Duration::from_millis(100)));
        rebind.set_missed_tick_behavior(MissedTickBehavior::Delay);
        rebind.reset();
        let mut look = interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                () = stop.cancelled() => return "the bus was closed".to_owned(),
                () = live.broken.cancelled() => return "it does not answer".to_owned(),
                event = events.next() => match event {
                    Some(Event::ConnectionBlocked(reason)) => {
                        tracing::warn!(role = ?self.role, reason, "the broker blocks publishers");
                        self.state.send_replace(LinkState::Blocked(reason));
                    }
                    Some(Event::ConnectionUnblocked) => {
                        tracing::info!(role = ?self.role, "the broker takes from publishers again");
                        self.state.send_replace(LinkState::Up);
                    }
                    // Of a channel too; then the connection lives on.
                    Some(Event::Error(error)) if !live.is_up() => return error.to_string(),
                    Some(_) => {}
                    None => return "the driver ended".to_owned(),
                },
                // The driver tells neither of every end nor of what happened before it was listened to.
                _ = look.tick() => {
                    if !live.is_up() {
                        return "the driver gave it up".to_owned();
                    }
                    let is_blocked = matches!(*self.state.borrow(), LinkState::Blocked(_));
                    match (live.is_blocked(), is_blocked) {
                        (true, false) => drop(self.state.send_replace(LinkState::Blocked("unknown".to_owned()))),
                        (false, true) => drop(self.state.send_replace(LinkState::Up)),
                        _ => {}
                    }
                }
                _ = rebind.tick(), if self.role == Role::Consume => {
                    // A queue that is gone too is made with the rest.
                    if self.rebind(live).await.is_err()
                        && let Err(error) = self.topology.apply(live).await
                    {
                        return mesh_telemetry::chain(&error).to_string();
                    }
                }
            }
        }
    }
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Publish => "publish",
            Self::Consume => "consume",
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("state", &self.state()).finish_non_exhaustive()
    }
}
