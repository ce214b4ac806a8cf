//! An ordered drain: what feeds others stops before what it feeds.

use std::{fmt, panic::AssertUnwindSafe, pin::Pin, time::Duration};

use futures_util::FutureExt;
use tokio::time::{Instant, timeout};

/// The stages of a stop, run in the order they were added: stop accepting, drain the servers, drain the consumers,
/// drain the relay, close the engine.
///
/// Each stage has a bound. One that exceeds it is cut: its future is dropped, the log says which one it was, and
/// the next stage begins, so that a stop always ends and the engine is always closed. A stage that panics counts as
/// cut too.
#[derive(Default)]
#[must_use = "nothing is drained until the stages run"]
pub struct Stages(Vec<Stage>);

struct Stage {
    name: &'static str,
    bound: Duration,
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// How a stop went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// The stages that did not finish, in order.
    pub cut: Vec<&'static str>,
}

impl Drained {
    /// Whether every stage finished.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.cut.is_empty()
    }
}

impl Stages {
    /// No stages yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a stage after the ones before it. `work` is first polled when its turn comes.
    pub fn then(
        mut self,
        name: &'static str,
        bound: Duration,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        self.0.push(Stage { name, bound, work: Box::pin(work) });
        self
    }

    /// Runs every stage, takes at most the sum of the bounds, and says which stages were cut.
    pub async fn run(self) -> Drained {
        let mut drained = Drained::default();
        for Stage { name, bound, work } in self.0 {
            let start = Instant::now();
            let outcome = timeout(bound, AssertUnwindSafe(work).catch_unwind()).await;
            let elapsed_ms = start.elapsed().as_millis();
            match &outcome {
                Ok(Ok(())) => tracing::debug!(stage = name, elapsed_ms, "drain stage finished"),
                Ok(Err(_panic)) => tracing::error!(stage = name, elapsed_ms, "drain stage panicked"),
                Err(_elapsed) => tracing::warn!(stage = name, elapsed_ms, "drain stage cut at its bound"),
            }
            if !matches!(outcome, Ok(Ok(()))) {
                drained.cut.push(name);
            }
        }
        drained
    }
}

impl fmt::Debug for Stages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|stage| (stage.name, stage.bound))).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{future, sync::Arc, sync::Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn runs_in_order_and_cuts_what_exceeds_its_bound() {
        let log = Arc::new(Mutex::new(Vec::new()));
        let note = |what| {
            let log = Arc::clone(&log);
            async move { log.lock().unwrap().push(what) }
        };
        let start = Instant::now();
        let drained = Stages::new()
            .then("servers", Duration::from_secs(10), note("servers"))
            .then("consumers", Duration::from_secs(3), future::pending())
            .then("relay", Duration::from_secs(5), async { panic!("the relay broke") })
            .then("engine", Duration::from_secs(5), note("engine"))
            .run()
            .await;
        assert_eq!(*log.lock().unwrap(), ["servers", "engine"]);
        assert_eq!(drained, Drained { cut: vec!["consumers", "relay"] });
        assert!(!drained.is_clean());
        assert_eq!(start.elapsed().as_secs(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clean_stop_cuts_nothing() {
        let drained = Stages::new().then("servers", Duration::ZERO, async {}).run().await;
        assert!(drained.is_clean());
    }
}
