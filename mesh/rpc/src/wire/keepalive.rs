//! Whether the other end still lives (gRFC A8; gRPC's keepalive user guide).
//!
//! ```text
//!            nothing heard for `interval`: PING
//!  Listening ──────────────────────────────────> Asking ──> dead: no PONG within `timeout`
//!      ^                                            │
//!      └────────────────────────────────────────────┘ PONG
//! ```
//!
//! Its timer is armed for the earliest moment at which it could have to ask, and looks at what was heard meanwhile
//! only then: traffic costs it nothing.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use h2::{Ping, PingPong};
use tokio::time::{Instant, Sleep, sleep_until};

use super::heard::LastHeard;

/// How long a connection may be silent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeepaliveSettings {
    /// Before it is asked.
    pub(crate) interval: Duration,
    /// Before it is dead.
    pub(crate) timeout: Duration,
}

/// Asks a silent connection whether it lives.
pub(super) struct Keepalive {
    ping_pong: Option<PingPong>,
    heard: LastHeard,
    settings: KeepaliveSettings,
    timer: Pin<Box<Sleep>>,
    is_asking: bool,
    asked_at: Option<Instant>,
}

impl Keepalive {
    pub(super) fn new(ping_pong: Option<PingPong>, heard: LastHeard, settings: KeepaliveSettings) -> Self {
        let timer = Box::pin(sleep_until(Instant::now() + settings.interval));
        Self { ping_pong, heard, settings, timer, is_asking: false, asked_at: None }
    }

    /// Whether a PING was sent so lately that the next one would not be due yet.
    pub(super) fn has_asked_lately(&self) -> bool {
        self.asked_at.is_some_and(|at| at.elapsed() <= self.settings.interval)
    }

    /// Ready once the connection is dead. To be polled whenever the connection is, before it: a PING that is due
    /// leaves with it.
    pub(super) fn poll_dead(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(ping_pong) = &mut self.ping_pong else { return Poll::Pending };
        loop {
            if self.is_asking && ping_pong.poll_pong(cx).is_ready() {
                // A connection that is gone answers with an error; it says so itself.
                self.is_asking = false;
                self.timer.as_mut().reset(self.heard.at().max(Instant::now()) + self.settings.interval);
            }
            ready!(self.timer.as_mut().poll(cx));
            if self.is_asking {
                return Poll::Ready(());
            }
            let due = self.heard.at() + self.settings.interval;
            let now = Instant::now();
            if now < due {
                self.timer.as_mut().reset(due);
            } else if ping_pong.send_ping(Ping::opaque()).is_ok() {
                self.is_asking = true;
                self.asked_at = Some(now);
                self.timer.as_mut().reset(now + self.settings.timeout);
            } else {
                self.timer.as_mut().reset(now + self.settings.interval);
            }
        }
    }
}
