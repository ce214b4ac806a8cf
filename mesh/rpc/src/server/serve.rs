//! The life of a server: accept, serve, drain.
//!
//! A drain goes step by step, so that nobody loses a call that could still be answered:
//! 1. every service reports NOT_SERVING, and watchers are told;
//! 2. for `lame_duck` calls are still accepted, while load balancers look away;
//! 3. no more connections; each one says GOAWAY, so its client sends new calls elsewhere; streams without a
//!    deadline end with UNAVAILABLE, because they would never end by themselves;
//! 4. calls in flight finish. After half of `drain_timeout` streams that are waiting for their next message end
//!    too, with UNAVAILABLE, and answers of which the caller has read nothing since the drain began are reset;
//!    after all of it whatever is left is cut.

use std::{fmt, io, ops::RangeInclusive, sync::Arc, time::Duration};

use mesh_policy::PolicyTable;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    Health, Load, ServerBuilder, ServerConfig, accept::Acceptor, connection::Connection, drain::Drain,
    instruments::Instruments, rate_limit::Limits, router::Routes, shed::Limiter, stack::stack,
};
use crate::network::Listener;

/// How long the tasks of calls that were cut may take to notice. They only have to be dropped; a handler that
/// blocks its thread cannot be, and must not keep the process.
const REAP_TIMEOUT: Duration = Duration::from_secs(1);

/// By how much connections differ in the age that they reach (gRFC A9), so that those that began together do not all
/// come back together.
const AGE_JITTER: RangeInclusive<f64> = 0.9..=1.1;

/// Serves gRPC over HTTP/2, with health and reflection, until it is told to stop.
pub struct Server {
    pub(super) routes: Arc<Routes>,
    pub(super) policies: PolicyTable,
    pub(super) instruments: Arc<Instruments>,
    pub(super) health: Health,
    pub(super) limiter: Arc<Limiter>,
    pub(super) limits: Arc<Limits>,
    pub(super) config: ServerConfig,
    pub(super) seed: u64,
}

/// What became of the calls that were in flight when a drain began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Calls that came to their own end.
    pub finished: u64,
    /// Calls that the drain ended: streams that were told UNAVAILABLE, answers that were reset because nobody read
    /// them, and calls cut at the timeout.
    pub cut: u64,
}

/// Why a server stopped without being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener will never accept again. What was in flight has been drained.
    #[error("the listener is closed")]
    ListenerClosed(#[source] io::Error),
}

impl Server {
    /// Starts to describe a server.
    pub fn builder() -> ServerBuilder {
        ServerBuilder::new()
    }

    /// A handle to say which services can take calls.
    pub fn health(&self) -> Health {
        self.health.clone()
    }

    /// Tells what the server has to do, while it serves.
    pub fn load(&self) -> Load {
        Load { limiter: Arc::clone(&self.limiter), limits: Arc::clone(&self.limits) }
    }

    /// Serves connections from `listener` until `shutdown` is cancelled, then drains.
    ///
    /// Errors to accept (no file descriptors left, a connection that died in the backlog) are waited out, never
    /// fatal and never a busy loop.
    ///
    /// # Errors
    /// When the listener is closed under the server; it drains first.
    pub async fn serve<L: Listener>(
        self,
        listener: L,
        shutdown: CancellationToken,
    ) -> Result<Drained, ServeError> {
        let drain = Arc::new(Drain::default());
        let (instruments, drained) = (self.instruments, Arc::clone(&drain));
        let (limiter, limits) = (self.limiter, self.limits);
        let stack = stack(self.routes, self.policies, instruments, drained, limiter, limits, &self.config);
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut serve = |placed| {
            let jitter = random.random_range(AGE_JITTER);
            Connection::new(placed, stack.clone(), &drain, &self.config, jitter)
        };
        let mut connections = JoinSet::new();
        let mut acceptor = Acceptor::new(listener, self.config.max_connections);

        let stopping = stop(&shutdown, &self.health, self.config.lame_duck);
        tokio::pin!(stopping);
        let outcome = loop {
            tokio::select! {
                biased;
                () = &mut stopping => break Ok(()),
                Some(_) = connections.join_next() => {}
                accepted = acceptor.next() => match accepted {
                    Ok(placed) => _ = connections.spawn(serve(placed).run()),
                    Err(error) => break Err(ServeError::ListenerClosed(error)),
                },
            }
        };
        self.health.stop();
        // Who is in the backlog believes to be connected, and may have sent a call.
        for placed in acceptor.close().await {
            connections.spawn(serve(placed).run());
        }
        let drained = finish(&drain, connections, self.config.drain_timeout).await;
        drain.tasks.close();
        let _ = tokio::time::timeout(REAP_TIMEOUT, drain.tasks.wait()).await;
        outcome.map(|()| drained)
    }
}

/// Steps 1 and 2: from the wish to stop to the end of the lame duck's time.
async fn stop(shutdown: &CancellationToken, health: &Health, lame_duck: Duration) {
    shutdown.cancelled().await;
    health.stop();
    if !lame_duck.is_zero() {
        tracing::info!(lame_duck_ms = lame_duck.as_millis(), "not serving; still accepting");
        tokio::time::sleep(lame_duck).await;
    }
}

/// Steps 3 and 4: GOAWAY, then everybody's end.
async fn finish(drain: &Drain, mut connections: JoinSet<()>, timeout: Duration) -> Drained {
    let in_flight = drain.in_flight();
    let started = drain.started();
    tracing::info!(connections = connections.len(), in_flight, "draining");
    drain.going_away.cancel();
    drain.endless.cancel();
    let begun = Instant::now();
    if wait(&mut connections, begun + timeout / 2).await.is_err() {
        drain.streams.cancel();
        if wait(&mut connections, begun + timeout).await.is_err() {
            let left = drain.in_flight();
            tracing::warn!(left, timeout_ms = timeout.as_millis(), "calls outlived the drain and are cut");
            for _ in 0..left {
                drain.cut_one();
            }
            // A connection that is dropped takes its calls with it.
            connections.shutdown().await;
        }
    }
    let late = drain.started() - started;
    let cut = drain.cut();
    let drained = Drained { finished: (in_flight + late).saturating_sub(cut), cut };
    tracing::info!(finished = drained.finished, cut = drained.cut, "drained");
    drained
}

async fn wait(connections: &mut JoinSet<()>, until: Instant) -> Result<(), tokio::time::error::Elapsed> {
    tokio::time::timeout_at(until, async { while connections.join_next().await.is_some() {} }).await
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("services", &self.routes.names())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
