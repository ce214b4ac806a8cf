//! Work that is done whole or not begun: a caller who goes away must not leave a commit without what follows
//! it, such as the change of a cache that would serve the old value for an hour.

use std::{panic::resume_unwind, sync::Arc};

use mesh_rpc::{deadline, trace};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::store::StoreError;

/// Works under way at most; callers beyond wait for their turn, and may still go away while they wait.
const UNDER_WAY_MAX: usize = 1_024;

/// Runs work in tasks of its own, which end with the service and not with a caller.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    tasks: TaskTracker,
    room: Arc<Semaphore>,
}

impl Whole {
    /// Nothing is under way.
    pub(super) fn new() -> Self {
        Self { tasks: TaskTracker::new(), room: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    /// Runs `work` to its end, whether or not the caller waits for it. It goes on under the caller's deadline
    /// and as a part of the caller's trace.
    ///
    /// # Panics
    /// When `work` does.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|error| StoreError::Unavailable(error.into()))?;
        let work = async move {
            let _room = room;
            work.await
        };
        match self.tasks.spawn(in_context(work).in_current_span()).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => Err(StoreError::Unavailable(error.into())),
        }
    }

    /// Waits for what is under way.
    pub(super) async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Takes along what a task would otherwise leave behind.
fn in_context<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let (trace, deadline) = (trace::current(), deadline::current());
    async move {
        match (trace, deadline) {
            (Some(trace), Some(deadline)) => trace::scope(trace, deadline::scope(deadline, work)).await,
            (Some(trace), None) => trace::scope(trace, work).await,
            (None, Some(deadline)) => deadline::scope(deadline, work).await,
            (None, None) => work.await,
        }
    }
}
