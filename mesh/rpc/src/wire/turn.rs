//! Who is woken goes to the end of the queue.

use std::task::Context;

/// Lets every other task that is ready have its turn before one that many of them talk to.
///
/// The runtime polls a task next that another one has woken. A connection would so be polled after the first of many
/// callers that are ready, and write one call where it could write all of them.
#[derive(Debug, Default)]
pub(super) struct Turn {
    waited: bool,
}

impl Turn {
    /// Whether to return `Pending` now; the task is polled again after all that are ready. Every other time the
    /// answer is no.
    pub(super) fn give_way(&mut self, cx: &Context<'_>) -> bool {
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
        }
        self.waited
    }

    /// The task goes on without having waited.
    pub(super) fn keep(&mut self) {
        self.waited = false;
    }
}
