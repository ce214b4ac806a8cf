//! A part of a program: a task with an owner, who is told when it ends unasked.

use std::future::Future;

use mesh_rpc::Server;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// What a part is called, and whom its unasked end concerns.
#[derive(Clone, Debug)]
pub struct PartName {
    /// For the log.
    pub name: &'static str,
    /// Cancelled when the part ends without being told to.
    pub broken: CancellationToken,
}

/// A part that runs until it is told to stop. Dropping it ends it at once.
#[derive(Debug)]
pub struct Part {
    name: &'static str,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Part {
    /// Runs a part.
    pub fn spawn<F>(name: PartName, run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let PartName { name, broken } = name;
        let stop = CancellationToken::new();
        let watch = Watch { name, stop: stop.clone(), broken };
        let part = run(stop.clone());
        let task = tokio::spawn(async move {
            let _watch = watch;
            part.await;
        });
        Self { name, stop, task }
    }

    /// Tells the part to stop and waits until it has. Giving up the wait ends it at once.
    pub async fn end(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.task).await {
            tracing::error!(part = self.name, %error, "a part ended badly");
        }
    }
}

/// Tells all parts to stop, and waits until they have.
pub async fn end_all(parts: Vec<Part>) {
    futures_util::future::join_all(parts.into_iter().map(Part::end)).await;
}

/// Runs a server.
pub fn serve(name: PartName, server: Server, listener: TcpListener) -> Part {
    Part::spawn(name, async move |stop| {
        if let Err(error) = server.serve(listener, stop).await {
            tracing::error!(error = %mesh_telemetry::chain(&error), "a server stopped by itself");
        }
    })
}

impl Drop for Part {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Lies in the task, so that it notices every end, a panic among them.
struct Watch {
    name: &'static str,
    stop: CancellationToken,
    broken: CancellationToken,
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.stop.is_cancelled() {
            tracing::error!(part = self.name, "a part ended by itself");
            self.broken.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(broken: &CancellationToken) -> PartName {
        PartName { name: "test", broken: broken.clone() }
    }

    #[tokio::test]
    async fn an_end_that_nobody_asked_for_is_told() {
        for panics in [false, true] {
            let broken = CancellationToken::new();
            let _part = Part::spawn(named(&broken), async move |_| assert!(!panics, "on purpose"));
            broken.cancelled().await;
        }
    }

    #[tokio::test]
    async fn a_part_that_is_told_to_stop_stops_and_breaks_nothing() {
        let broken = CancellationToken::new();
        let part = Part::spawn(named(&broken), async |stop: CancellationToken| stop.cancelled().await);
        part.end().await;
        assert!(!broken.is_cancelled());
    }
}
