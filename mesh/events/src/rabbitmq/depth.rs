//! How many messages a queue holds.

use std::sync::Arc;

use lapin::{
    Channel,
    options::QueueDeclareOptions,
    types::{FieldTable, ShortString},
};
use tokio::time::timeout;

use super::{
    RabbitConfig,
    error::{RabbitError, is_not_found},
    link::{Link, Live},
    names::Names,
    subscriptions::Subscriptions,
};
use crate::{BusError, Depth};

/// Looks until two looks agree, at most so often: while a queue moves there is no exact number.
const LOOKS_MAX: usize = 5;

/// Counts. What other processes have out is known to the broker alone, which does not tell it to clients.
#[derive(Clone, Debug)]
pub(super) struct Depths {
    pub(super) link: Link,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) config: Arc<RabbitConfig>,
}

/// Asks for counts on one channel; asking for a queue that is not there costs the channel.
pub(super) struct Counter {
    live: Arc<Live>,
    channel: Channel,
    config: Arc<RabbitConfig>,
}

// === impl Depths ===

impl Depths {
    pub(super) async fn depth(&self, queue: &str) -> Result<Depth, BusError> {
        let names = Names::new(queue, &self.config.ladder)?;
        let mut counter = self.counter().await?;
        let unknown = || BusError::UnknownQueue(queue.to_owned());
        let mut ready = counter.count(&names.work).await?.ok_or_else(unknown)?;
        let mut depth = Depth::default();
        for _ in 0..LOOKS_MAX {
            depth.waiting = 0;
            for (_, wait) in &names.wait {
                // Another ladder than ours may have been declared; then nothing waits there.
                depth.waiting += counter.count(wait).await?.unwrap_or(0);
            }
            depth.parked = counter.count(&names.parked).await?.unwrap_or(0);
            self.subscriptions.take_in(queue, self.config.confirm_timeout).await;
            let (ahead, out) = self.subscriptions.count(queue);
            (depth.ready, depth.leased) = (ready + ahead, out);
            let again = counter.count(&names.work).await?.ok_or_else(unknown)?;
            if std::mem::replace(&mut ready, again) == again {
                break;
            }
        }
        Ok(depth)
    }

    pub(super) async fn counter(&self) -> Result<Counter, RabbitError> {
        let live = self.link.live().await?;
        let channel = live.channel().await?;
        Ok(Counter { live, channel, config: Arc::clone(&self.config) })
    }
}

// === impl Counter ===

impl Counter {
    /// How many messages are ready in a queue of the broker; `None`: there is no such queue.
    pub(super) async fn count(&mut self, queue: &ShortString) -> Result<Option<u64>, RabbitError> {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let asked = self.channel.queue_declare(queue.clone(), passive, FieldTable::default());
        let within = self.config.confirm_timeout;
        match timeout(within, asked).await.map_err(|_| RabbitError::Elapsed("count a queue"))? {
            Ok(queue) => Ok(Some(queue.message_count().into())),
            Err(error) if is_not_found(&error) => {
                self.channel = self.live.channel().await?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
