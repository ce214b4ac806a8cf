//! lapin alone: batches of messages, and the confirms of each batch awaited before the next one.

use std::time::Duration;

use futures_util::future::try_join_all;
use lapin::{
    Channel, Confirmation, Connection, ConnectionProperties,
    message::Delivery,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::time::Instant;

/// Messages in a batch: as many as the bus has in flight on a channel.
const BATCH: usize = 256;

/// A channel that confirms.
pub(super) struct Alone {
    channel: Channel,
    _connection: Connection,
}

impl Alone {
    pub(super) async fn connect(uri: &str) -> anyhow::Result<Self> {
        let connection = Connection::connect(uri, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { channel, _connection: connection })
    }

    /// Publishes the messages as they were published before, and is done when the last one is confirmed.
    pub(super) async fn publish(&self, messages: &[Delivery]) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        for batch in messages.chunks(BATCH) {
            let publishing = batch.iter().map(|message| {
                let Delivery { exchange, routing_key, properties, data, .. } = message;
                let (exchange, key) = (exchange.clone(), routing_key.clone());
                self.channel.basic_publish(exchange, key, options, data, properties.clone())
            });
            let confirms = try_join_all(try_join_all(publishing).await?).await?;
            let taken = |confirm: &Confirmation| matches!(confirm, Confirmation::Ack(None));
            anyhow::ensure!(confirms.iter().all(taken), "the broker has refused or returned a message");
        }
        Ok(start.elapsed())
    }
}
