//! What a server knows about its calls in flight, and how it ends them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Shared by the serve loop, which drains, and the stack, through which every call passes.
#[derive(Debug, Default)]
pub(crate) struct Drain {
    /// Tells each connection to say GOAWAY.
    pub(crate) going_away: CancellationToken,
    /// Ends the streams that have no deadline: subscriptions (a health watch, live notifications), which would
    /// never end by themselves and lose nothing when they subscribe elsewhere.
    pub(crate) endless: CancellationToken,
    /// Ends all streams.
    pub(crate) streams: CancellationToken,
    /// The tasks of all calls.
    pub(crate) tasks: TaskTracker,
    started: AtomicU64,
    ended: AtomicU64,
    cut: AtomicU64,
}

impl Drain {
    /// Counts a call, until the guard is dropped.
    pub(crate) fn start(self: &Arc<Self>) -> InFlight {
        self.started.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(self))
    }

    /// Notes that the drain ended a call that had not come to its own end.
    pub(crate) fn cut_one(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    /// Calls that the drain ended so far.
    pub(crate) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }

    /// Calls that have started and not ended.
    pub(crate) fn in_flight(&self) -> u64 {
        let ended = self.ended.load(Ordering::Relaxed);
        self.started.load(Ordering::Relaxed).saturating_sub(ended)
    }

    /// Calls that have started so far.
    pub(crate) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }
}

/// One call in flight.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Drain>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}
