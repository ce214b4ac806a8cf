//! What is learned from the first attempt of a call.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::client::latency::Sketch;

/// Records how long a first attempt took when it is answered, or, when it is given up, how long it had at least:
/// only then are the latencies of a method what they would be without hedges.
#[derive(Debug)]
pub(super) struct FirstAttempt {
    latency: Arc<Sketch>,
    begun: Instant,
    /// One that is given up sooner was given up by the caller, and says nothing.
    patience: Duration,
    open: bool,
}

impl FirstAttempt {
    pub(super) fn new(latency: Arc<Sketch>, begun: Instant, patience: Duration) -> Self {
        Self { latency, begun, patience, open: true }
    }

    /// It was answered, or it failed, which can be fast and says nothing.
    pub(super) fn over(&mut self, answered: bool) {
        if std::mem::take(&mut self.open) && answered {
            self.latency.record(self.begun.elapsed());
        }
    }
}

impl Drop for FirstAttempt {
    fn drop(&mut self) {
        let answered = self.open && self.begun.elapsed() >= self.patience;
        self.over(answered);
    }
}
