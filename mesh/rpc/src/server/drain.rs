//! What a server knows about its calls in flight, and how it ends them.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::atomic::{AtomicU64, Ordering};

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
    calls: Calls,
    cut: AtomicU64,
}

/// Calls that have begun, and those that are over.
#[derive(Debug, Default)]
struct Calls {
    started: AtomicU64,
    ended: AtomicU64,
}

impl Calls {
    fn start(&self) {
        self.started.fetch_add(1, Ordering::Relaxed);
    }

    /// With the load in [`in_flight`](Self::in_flight): whoever sees that a call has ended sees that it has started,
    /// and a call under way is not made up for by the end of another one.
    fn end(&self) {
        self.ended.fetch_add(1, Ordering::Release);
    }

    /// Never fewer than there are.
    fn in_flight(&self) -> u64 {
        let ended = self.ended.load(Ordering::Acquire);
        self.started.load(Ordering::Relaxed).saturating_sub(ended)
    }
}

impl Drain {
    /// Counts a call, until the guard is dropped.
    pub(crate) fn start(self: &Arc<Self>) -> InFlight {
        self.calls.start();
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
        self.calls.in_flight()
    }

    /// Calls that have started so far.
    pub(crate) fn started(&self) -> u64 {
        self.calls.started.load(Ordering::Relaxed)
    }
}

/// One call in flight.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<Drain>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.calls.end();
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    /// A call that goes on while others come and go is always seen.
    #[test]
    fn loom_a_call_under_way_is_seen_whatever_others_do() {
        loom::model(|| {
            let calls = Arc::new(Calls::default());
            calls.start();
            let passing = Arc::clone(&calls);
            let passing = thread::spawn(move || {
                passing.start();
                passing.end();
            });
            assert!((1..=2).contains(&calls.in_flight()));
            passing.join().unwrap();
            assert_eq!(calls.in_flight(), 1);
        });
    }
}
