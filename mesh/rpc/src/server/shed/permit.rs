//! A call's place among those that are worked on.

use std::sync::Arc;

use tokio::time::Instant;

use super::limiter::{Admitted, Limiter};

/// A call's place. Given back when it is dropped; by then the limiter has its time, if it is timed.
#[derive(Debug)]
pub(in crate::server) struct Permit {
    limiter: Arc<Limiter>,
    admitted: Admitted,
    method: usize,
    /// Since when it is timed, until that has been told.
    since: Option<Instant>,
}

impl Permit {
    /// A place for a call of the `method` of this number, if its time says something.
    pub(in crate::server) fn new(limiter: Arc<Limiter>, admitted: Admitted, method: Option<usize>) -> Self {
        let since = (method.is_some() && admitted.is_timed).then(Instant::now);
        Self { limiter, admitted, method: method.unwrap_or_default(), since }
    }

    /// The head of the answer is there.
    pub(in crate::server) fn answered(&mut self, went_well: bool) {
        if let Some(since) = self.since.take() {
            self.limiter.sample(self.method, self.admitted, since, went_well);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Nobody waits for it any more: it takes at least as long as it did.
        self.answered(false);
        self.limiter.give_back();
    }
}
