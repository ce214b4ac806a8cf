//! What calls leave to the channel's own task.

use tokio::sync::Notify;

use crate::atomic::{AtomicBool, Ordering};

/// What calls, and connections, leave to the channel's own task: to connect, to judge, and to make a new snapshot.
#[derive(Debug, Default)]
pub(in crate::client) struct Keeper {
    woken: Notify,
    wanted: AtomicBool,
    running: AtomicBool,
}

impl Keeper {
    /// Something has changed.
    pub(in crate::client) fn wake(&self) {
        self.woken.notify_one();
    }

    /// A call wants endpoints that are asleep.
    pub(in crate::client) fn want(&self) {
        // Read first: until the keeper comes round, every call is here.
        if !self.wanted.load(Ordering::Relaxed) && !self.wanted.swap(true, Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Whether one did since this was asked last.
    pub(in crate::client) fn take_wanted(&self) -> bool {
        self.wanted.swap(false, Ordering::Relaxed)
    }

    pub(in crate::client) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Whether this is the first time: the task is started by the first call, since a channel can be built before
    /// there is a runtime.
    pub(in crate::client) fn starts(&self) -> bool {
        !self.running.load(Ordering::Relaxed) && !self.running.swap(true, Ordering::Relaxed)
    }
}

/// Every interleaving of two threads: see `crate::atomic`.
#[cfg(all(test, mesh_loom))]
mod loom_tests {
    use loom::{sync::Arc, thread};

    use super::*;

    #[test]
    fn loom_of_two_first_calls_one_starts_the_task() {
        loom::model(|| {
            let keeper = Arc::new(Keeper::default());
            let other = Arc::clone(&keeper);
            let other = thread::spawn(move || other.starts());
            let one = keeper.starts();
            assert!(one != other.join().unwrap());
            assert!(!keeper.starts());
        });
    }

    #[test]
    fn loom_what_a_call_wants_is_taken_in_this_turn_or_is_there_for_the_next() {
        loom::model(|| {
            let keeper = Arc::new(Keeper::default());
            let other = Arc::clone(&keeper);
            let other = thread::spawn(move || other.want());
            let taken = keeper.take_wanted();
            other.join().unwrap();
            assert!(taken != keeper.take_wanted(), "once, and not twice");
        });
    }
}
