//! What calls leave to the channel's own task.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

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
