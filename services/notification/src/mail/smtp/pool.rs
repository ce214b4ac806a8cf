//! Connections that wait for the next mail.
//!
//! The library has a pool too. This one differs where it matters: a connection comes back to it only after a
//! conversation that was brought to its end, so no mail is ever given the answer to another; and nothing runs in the
//! background.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::time::Instant;

use super::connection::{ConnectError, Relay};

/// How long a connection is kept without a mail to send. Relays close one that says nothing for some minutes.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Connections to a relay.
#[derive(Clone)]
pub(super) struct Pool {
    relay: Relay,
    most: usize,
    idle: Arc<Mutex<Vec<Idle>>>,
}

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

impl Pool {
    /// Keeps at most `most` connections.
    pub(super) fn new(relay: Relay, most: u8) -> Self {
        Self { relay, most: most.into(), idle: Arc::default() }
    }

    /// A connection at which a mail can be handed over.
    pub(super) async fn take(&self) -> Result<AsyncSmtpConnection, ConnectError> {
        while let Some(mut connection) = self.take_idle() {
            // The relay may have closed it, which nobody reads before the next word.
            if connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.relay.connect().await
    }

    /// Keeps a connection whose conversation has come to its end.
    pub(super) fn put_back(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if idle.len() < self.most && !connection.has_broken() {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    fn take_idle(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle();
        idle.retain(|idle| idle.since.elapsed() < IDLE_MAX);
        idle.pop().map(|idle| idle.connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("relay", &self.relay)
            .field("idle", &self.idle().len())
            .finish_non_exhaustive()
    }
}
