//! When a server ends a connection by itself (gRFC A9, and what a hostile peer can do to HTTP/2).
//!
//! ```text
//!         age, or idle: GOAWAY twice            grace is over: GOAWAY, and the calls with it
//!  Open ─────────────────────────────> Leaving ──────────────────────────────────────────────> Cut
//!    │                                    │
//!    └────────────────────────────────────┴─ a frame takes too long, or too many PINGs: GOAWAY, and the calls with it
//! ```
//!
//! One timer for all of that, which looks every now and then: traffic costs it nothing, and nothing is more exact
//! than a quarter of the shortest of its times.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use h2::Reason;
use tokio::time::{Instant, Sleep, sleep_until};

use super::heard::LastHeard;

/// PINGs that may come too soon (gRFC A8).
const MAX_STRIKES: u32 = 2;

/// Nothing looks more often, or less often, than this.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);
const LONGEST_LOOK: Duration = Duration::from_secs(60);

/// How long things may take on a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GuardSettings {
    /// The connection. Jitter is in it.
    pub(crate) max_age: Option<Duration>,
    /// The calls of a connection that has become too old.
    pub(crate) max_age_grace: Option<Duration>,
    /// A connection without a call.
    pub(crate) max_idle: Option<Duration>,
    /// A frame, and a block of headers.
    pub(crate) frame_timeout: Duration,
    /// Between two PINGs while there are no calls.
    pub(crate) min_ping_interval: Duration,
}

/// What must become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It takes no more calls.
    Leave(&'static str),
    /// It ends now.
    Cut(Reason, &'static str),
}

/// Looks after a connection.
pub(super) struct Guard {
    settings: GuardSettings,
    heard: LastHeard,
    timer: Pin<Box<Sleep>>,
    every: Duration,
    since: Instant,
    /// When the connection began to leave.
    leaving: Option<Instant>,
    /// How many calls had come at the last look, and since when nothing went on.
    calls: u64,
    idle_since: Option<Instant>,
}

/// What goes on on a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    /// Calls that have come so far.
    pub(super) calls: u64,
    /// Calls that are under way.
    pub(super) in_flight: usize,
}

impl Guard {
    pub(super) fn new(settings: GuardSettings, heard: LastHeard) -> Self {
        let times =
            [settings.max_age, settings.max_age_grace, settings.max_idle, Some(settings.frame_timeout)];
        let shortest = times.into_iter().flatten().min().unwrap_or(LONGEST_LOOK);
        let every = (shortest / 4).clamp(SHORTEST_LOOK, LONGEST_LOOK);
        let since = Instant::now();
        let timer = Box::pin(sleep_until(since + every));
        Self { settings, heard, timer, every, since, leaving: None, calls: 0, idle_since: Some(since) }
    }

    /// The connection takes no more calls, for whatever reason.
    pub(super) fn leave(&mut self) {
        self.leaving.get_or_insert_with(Instant::now);
    }

    /// Ready when something must become of the connection. To be polled whenever the connection is.
    pub(super) fn poll_verdict(&mut self, traffic: Traffic, cx: &mut Context<'_>) -> Poll<Verdict> {
        if self.has_struck_out() {
            return Poll::Ready(Verdict::Cut(Reason::ENHANCE_YOUR_CALM, "too many pings"));
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            self.timer.as_mut().reset(now + self.every);
            if let Some(verdict) = self.look(traffic, now) {
                return Poll::Ready(verdict);
            }
        }
    }

    /// Whether the peer has sent too many pings.
    pub(super) fn has_struck_out(&self) -> bool {
        self.heard.strikes() > MAX_STRIKES
    }

    fn look(&mut self, traffic: Traffic, now: Instant) -> Option<Verdict> {
        let is_over = |since: Instant, time: Option<Duration>| time.is_some_and(|time| now - since >= time);
        if self.heard.partial_since().is_some_and(|since| is_over(since, Some(self.settings.frame_timeout))) {
            return Some(Verdict::Cut(Reason::ENHANCE_YOUR_CALM, "a frame takes too long"));
        }
        if let Some(leaving) = self.leaving {
            let is_cut = is_over(leaving, self.settings.max_age_grace);
            return is_cut.then_some(Verdict::Cut(Reason::NO_ERROR, "its grace is over"));
        }
        if is_over(self.since, self.settings.max_age) {
            self.leave();
            return Some(Verdict::Leave("it is too old"));
        }
        if traffic.in_flight > 0 || traffic.calls != self.calls {
            (self.calls, self.idle_since) = (traffic.calls, None);
            return None;
        }
        let idle_since = *self.idle_since.get_or_insert(now);
        if is_over(idle_since, self.settings.max_idle) {
            self.leave();
            return Some(Verdict::Leave("it is idle"));
        }
        None
    }
}
