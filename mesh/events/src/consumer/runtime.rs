//! The consumer: keeps a session with the bus until it is told to stop.

use std::{fmt, sync::Arc, time::Duration};

use rand::{SeedableRng, rngs::StdRng};
use tokio_util::sync::CancellationToken;

use super::session::{End, Session};
use crate::{Bus, BusError, ConsumerConfig, Handler, Subscription};

/// The wait before a lost session is begun again.
const RESUBSCRIBE_AFTER: Duration = Duration::from_secs(1);

/// Feeds the events of one queue to one handler.
pub struct Consumer {
    bus: Arc<dyn Bus>,
    subscription: Subscription,
    handler: Arc<dyn Handler>,
    config: ConsumerConfig,
    rng: StdRng,
}

// === impl Consumer ===

impl Consumer {
    /// Prepares a consumer; nothing happens before [`Consumer::run`].
    pub fn new(
        bus: Arc<dyn Bus>,
        subscription: Subscription,
        handler: Arc<dyn Handler>,
        config: ConsumerConfig,
    ) -> Self {
        Self { bus, subscription, handler, config, rng: StdRng::from_rng(&mut rand::rng()) }
    }

    /// Replaces the randomness of the ladder's jitter, so that a test repeats.
    #[must_use]
    pub fn with_rng(self, rng: StdRng) -> Self {
        Self { rng, ..self }
    }

    /// Declares the queue and consumes it until `shutdown`, or until the bus is closed. Then it takes nothing
    /// more, finishes what is in processing within [`ConsumerConfig::drain`], and leaves the rest to be
    /// delivered again. A bus that fails is subscribed anew every second.
    pub async fn run(mut self, shutdown: CancellationToken) {
        loop {
            match self.consume(&shutdown).await {
                Ok(End::Stopped) => return,
                Err(error) => tracing::warn!(
                    queue = self.subscription.queue,
                    error = %mesh_telemetry::chain(&error),
                    "consumer lost the event bus, subscribing again"
                ),
            }
            let waited = shutdown.run_until_cancelled(tokio::time::sleep(RESUBSCRIBE_AFTER)).await;
            if waited.is_none() {
                return;
            }
        }
    }

    async fn consume(&mut self, shutdown: &CancellationToken) -> Result<End, BusError> {
        self.bus.declare(std::slice::from_ref(&self.subscription)).await?;
        let deliveries = self.bus.subscribe(&self.subscription.queue, self.config.prefetch).await?;
        let bus = Arc::clone(&self.bus);
        let handler = Arc::clone(&self.handler);
        Session::new(bus, handler, &self.config, &mut self.rng).run(deliveries, shutdown).await
    }
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer").field("subscription", &self.subscription).finish_non_exhaustive()
    }
}
