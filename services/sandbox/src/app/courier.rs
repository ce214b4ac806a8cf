//! The courier: calls the webhook, until it is acknowledged.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use mesh_rpc::Channel;
use proto::provider::v1::{NotifyRequest, webhook_service_client::WebhookServiceClient};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::store::{Delivery, Store, StoreError, Tried};

/// Deliveries in one round at most; one transaction notes how all of them went.
const BATCH: usize = 64;

/// Calls of the webhook at once.
const LANES: usize = 16;

/// Tries of one delivery; with the pauses between them about a quarter of an hour. Whoever has not heard by then
/// has to look.
const ATTEMPTS_MAX: u32 = 100;

/// The pause after the first round in which a call failed; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The longest sleep when nothing is to be delivered; see the settler.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// Delivers what is to be told.
#[derive(Debug)]
pub(crate) struct Courier {
    store: Store,
    webhook: WebhookServiceClient<Channel>,
    /// Rung when something is to be told.
    bell: Arc<Notify>,
}

/// How a round went.
enum Round {
    Idle,
    Delivered,
    /// At least one call failed.
    Failed,
}

impl Courier {
    pub(crate) fn new(store: Store, webhook: Channel, bell: Arc<Notify>) -> Self {
        Self { store, webhook: WebhookServiceClient::new(webhook), bell }
    }

    /// Works until `shutdown`. What was not acknowledged then is delivered by the next run, so a delivery that was
    /// acknowledged but not noted comes once more.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.work()).await;
    }

    async fn work(&self) {
        let mut pause = PAUSE_FIRST;
        loop {
            match self.round().await {
                Ok(Round::Delivered) => pause = PAUSE_FIRST,
                Ok(Round::Idle) => {
                    // Whichever comes first.
                    let _ = tokio::time::timeout(IDLE_MAX, self.bell.notified()).await;
                }
                Ok(Round::Failed) => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Err(error) => {
                    tracing::error!(error = %mesh_telemetry::chain(&error), "nothing can be delivered now");
                    tokio::time::sleep(PAUSE_MAX).await;
                }
            }
        }
    }

    async fn round(&self) -> Result<Round, StoreError> {
        let due = self.store.deliveries(BATCH).await?;
        if due.is_empty() {
            return Ok(Round::Idle);
        }
        let tried: Vec<Tried> =
            stream::iter(due).map(|delivery| self.deliver(delivery)).buffer_unordered(LANES).collect().await;
        let has_failed = tried.iter().any(|tried| matches!(tried, Tried::Failed(_)));
        self.store.delivered(tried).await?;
        Ok(if has_failed { Round::Failed } else { Round::Delivered })
    }

    async fn deliver(&self, delivery: Delivery) -> Tried {
        let request = NotifyRequest { key: delivery.key.to_string() };
        match self.webhook.clone().notify(request).await {
            Ok(_) => Tried::Over(delivery.number),
            Err(status) if delivery.attempts + 1 >= ATTEMPTS_MAX => {
                tracing::warn!(key = %delivery.key, %status, "the webhook never acknowledged, and is not told again");
                Tried::Over(delivery.number)
            }
            Err(status) => {
                tracing::debug!(key = %delivery.key, %status, "the webhook did not acknowledge");
                Tried::Failed(delivery)
            }
        }
    }
}
