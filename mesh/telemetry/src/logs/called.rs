//! The call that a task is working on, which each line of the log names.
//!
//! A tracing span would do that, too. But it is made, entered, left and written down for each call, and most calls leave
//! no line: that was a tenth of a server's processor time. This is four words in a task-local, and read by the line.

use std::future::Future;

use crate::TraceId;

tokio::task_local! {
    static CURRENT: Called;
}

/// The call that a server is working on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Called {
    /// `package.Service/Method`.
    pub method: &'static str,
    /// The trace that it belongs to.
    pub trace_id: TraceId,
}

impl Called {
    /// The target of the span that says the same, for those who bring a subscriber of their own. The one that
    /// [`init`](crate::init) makes does without.
    pub const SPAN: &'static str = "mesh_call";

    /// The call that this task is working on, if it works on one. It ends at `tokio::spawn`; [`Called::scope`] takes it
    /// along.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(|called| *called).ok()
    }

    /// Works on the call: lines that are written meanwhile name it.
    pub fn enter<T>(self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self, work)
    }

    /// Runs `future` as a part of the call.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }
}
