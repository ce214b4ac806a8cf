//! Tasks that hyper starts for a channel, and that the channel owns.

use std::future::Future;

use tokio_util::task::TaskTracker;

/// Spawns hyper's tasks (the connection's own, one for each call) into a tracker, whose owner waits for them. A
/// server's tasks are spawned by `server::calls`.
#[derive(Clone, Debug)]
pub(crate) struct Tracked(pub(crate) TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}
