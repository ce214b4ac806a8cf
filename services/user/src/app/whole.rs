//! Work that is done whole or not begun: a caller who goes away must not leave a commit without what follows
//! it, such as the change of a cache that would serve the old value for an hour.

use tokio_util::task::TaskTracker;

use crate::store::StoreError;

/// Runs work in tasks of its own, which end with the service and not with a caller.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole(TaskTracker);

impl Whole {
    /// Runs `work` to its end, whether or not the caller waits for it. Bounded by the calls that a server
    /// admits: each has at most one.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        // An error means that the work panicked, so what it came to is unknown.
        self.0.spawn(work).await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.into())))
    }

    /// Waits for what is under way.
    pub(super) async fn close(&self) {
        self.0.close();
        self.0.wait().await;
    }
}
