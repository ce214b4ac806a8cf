//! The queues that everything is published into, as a consumer sees them.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::{
    Channel, Connection, ConnectionProperties,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, QueuePurgeOptions},
    types::FieldTable,
};
use tokio::time::timeout;

/// The queues that take the kind of event that is published.
const TAKERS: [&str; 2] = ["q.user.profile", "q.notification.welcome"];
/// The longest wait for the next message of a queue that has it.
const NEXT: Duration = Duration::from_secs(10);

/// A connection that looks at the queues.
pub(super) struct Queues {
    channel: Channel,
    _connection: Connection,
}

impl Queues {
    pub(super) async fn connect(uri: &str) -> anyhow::Result<Self> {
        let connection = Connection::connect(uri, ConnectionProperties::default()).await?;
        Ok(Self { channel: connection.create_channel().await?, _connection: connection })
    }

    /// Takes this many messages from one of the queues; the other one has the same.
    pub(super) async fn take(&self, count: usize) -> anyhow::Result<Vec<Delivery>> {
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consuming =
            self.channel.basic_consume(TAKERS[0].into(), "taker".into(), options, FieldTable::default());
        let mut consumer = consuming.await?;
        let mut messages = Vec::with_capacity(count);
        while messages.len() < count {
            match timeout(NEXT, consumer.next()).await? {
                Some(message) => messages.push(message?),
                None => anyhow::bail!("the broker has ended the consumer"),
            }
        }
        self.channel.basic_cancel("taker".into(), BasicCancelOptions::default()).await?;
        Ok(messages)
    }

    /// Removes what is in the queues; answers how many messages that were.
    pub(super) async fn empty(&self) -> anyhow::Result<usize> {
        let mut count = 0;
        for queue in TAKERS {
            let removed = self.channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?;
            count += usize::try_from(removed)?;
        }
        Ok(count)
    }
}
