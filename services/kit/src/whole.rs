//! Work that is done whole or not begun: a caller who goes away must not leave a commit without what follows it,
//! such as the change of a cache that would serve the old value for an hour, or the drive of what was kept.

use std::{panic::resume_unwind, sync::Arc};

use mesh_rpc::{deadline, trace};
use mesh_telemetry::Called;
use thiserror::Error;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// Works under way at most; callers beyond wait for their turn, and may still go away while they wait.
const UNDER_WAY_MAX: usize = 1_024;

/// Runs work in tasks of its own, which end with the service and not with a caller. Clones share them.
#[derive(Clone, Debug)]
pub struct Whole {
    tasks: TaskTracker,
    room: Arc<Semaphore>,
}

/// The runtime ended before the work did; it may have been done or not.
#[derive(Debug, Error)]
#[error("the work was cut off")]
pub struct CutOff(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Whole {
    /// Nothing is under way.
    #[must_use]
    pub fn new() -> Self {
        Self { tasks: TaskTracker::new(), room: Arc::new(Semaphore::new(UNDER_WAY_MAX)) }
    }

    /// Runs `work` to its end, whether or not the caller waits for it. It goes on under the caller's deadline
    /// and as a part of the caller's trace.
    ///
    /// # Errors
    /// What `work` returned, or [`CutOff`].
    ///
    /// # Panics
    /// When `work` does.
    pub async fn run<T, E>(&self, work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<CutOff> + Send + 'static,
    {
        let room = Arc::clone(&self.room).acquire_owned().await;
        let room = room.map_err(|error| CutOff(error.into()))?;
        let work = async move {
            let _room = room;
            work.await
        };
        match self.tasks.spawn(in_context(work).in_current_span()).await {
            Ok(done) => done,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(error) => Err(CutOff(error.into()).into()),
        }
    }

    /// Waits for what is under way.
    pub async fn close(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Default for Whole {
    fn default() -> Self {
        Self::new()
    }
}

/// Takes along what a task would otherwise leave behind.
fn in_context<T>(work: impl Future<Output = T>) -> impl Future<Output = T> {
    let (trace, deadline, called) = (trace::current(), deadline::current(), Called::current());
    let work = async move {
        match called {
            Some(called) => called.scope(work).await,
            None => work.await,
        }
    };
    async move {
        match (trace, deadline) {
            (Some(trace), Some(deadline)) => trace::scope(trace, deadline::scope(deadline, work)).await,
            (Some(trace), None) => trace::scope(trace, work).await,
            (None, Some(deadline)) => deadline::scope(deadline, work).await,
            (None, None) => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mesh_rpc::deadline::Deadline;
    use mesh_telemetry::TraceContext;

    use super::*;

    #[tokio::test]
    async fn work_is_a_part_of_the_call_that_began_it() {
        let (trace, until) = (TraceContext::root(), Deadline::after(Duration::from_secs(9)).unwrap());
        let called = Called { method: "a.B/C", trace_id: trace.trace_id };
        let here = || async { Ok((trace::current(), deadline::current(), Called::current())) };
        let whole = Whole::new();
        let told: Result<_, CutOff> = whole.run(here()).await;
        assert_eq!(told.unwrap(), (None, None, None));
        let work = trace::scope(trace, deadline::scope(until, whole.run(here())));
        let told: Result<_, CutOff> = called.scope(work).await;
        assert_eq!(told.unwrap(), (Some(trace), Some(until), Some(called)));
    }
}
