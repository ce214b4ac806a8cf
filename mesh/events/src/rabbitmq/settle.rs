//! Acknowledging, retrying, parking.

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::try_join_all;
use lapin::options::{BasicAckOptions, ChannelFlowOptions};
use tokio::time::timeout;

use super::{
    bus::Inner,
    error::RabbitError,
    lease::Message,
    message::{self, Post},
    names::{DEFAULT_EXCHANGE, Names},
    reader::now_ms,
    stats::Counter,
};
use crate::{BusError, Receipt};

// === impl Inner ===

impl Inner {
    /// Acknowledges, and waits until the broker has answered something that was sent behind it: then it has read
    /// the acknowledgements, in the same order.
    pub(super) async fn ack(&self, receipts: &[Receipt]) -> Result<(), BusError> {
        let messages = receipts.iter().filter_map(|receipt| {
            // Of a subscription that ended: the event comes again.
            self.subscriptions.lease(receipt)?.remove(receipt.tag)
        });
        let messages: Vec<_> = messages.collect();
        let settled = messages.len();
        self.ack_messages(messages).await?;
        self.publisher.counters.acked.add(settled);
        Ok(())
    }

    async fn ack_messages(&self, messages: Vec<Message>) -> Result<(), RabbitError> {
        let mut channels: BTreeMap<u16, _> = BTreeMap::new();
        let acks = messages.iter().map(|message| {
            channels.entry(message.channel.id()).or_insert(&message.channel);
            message.channel.basic_ack(message.tag, BasicAckOptions::default())
        });
        let acks: Vec<_> = acks.collect();
        let acked = async {
            try_join_all(acks).await?;
            let read =
                channels.values().map(|channel| channel.channel_flow(ChannelFlowOptions { active: true }));
            try_join_all(read).await?;
            Ok(())
        };
        let within = self.config.confirm_timeout;
        timeout(within, acked).await.map_err(|_| RabbitError::Elapsed("take an acknowledgement"))?
    }

    /// Writes the event to where it waits, then acknowledges it: a crash in between makes it come twice.
    pub(super) async fn retry(&self, receipt: &Receipt, after: Duration) -> Result<(), BusError> {
        let post = |message: &Message, names: &Names| {
            let properties = message::encode(&message.envelope, &self.config.source, message.past.failed());
            let (key, properties) = match wait_queue(names, after) {
                Some(key) => (key, message::with_expiration(properties, after)),
                None => (names.work.clone(), properties),
            };
            Post { exchange: DEFAULT_EXCHANGE, key, properties, body: message.envelope.body.clone() }
        };
        self.move_to(receipt, post, &self.publisher.counters.retried).await
    }

    /// Writes the event to what is parked, then acknowledges it.
    pub(super) async fn park(&self, receipt: &Receipt, reason: &str) -> Result<(), BusError> {
        let post = |message: &Message, names: &Names| {
            let body = message.envelope.body.clone();
            let properties = message::encode(&message.envelope, &self.config.source, message.past);
            let properties = message::parked(&properties, &body, reason, message.past.attempt, now_ms());
            Post { exchange: DEFAULT_EXCHANGE, key: names.parked.clone(), properties, body }
        };
        self.move_to(receipt, post, &self.publisher.counters.parked).await
    }

    async fn move_to(
        &self,
        receipt: &Receipt,
        post: impl Fn(&Message, &Names) -> Post,
        counter: &Counter,
    ) -> Result<(), BusError> {
        let Some(lease) = self.subscriptions.lease(receipt) else { return Ok(()) };
        // It stays out until it is written: if that fails, the subscription still has it.
        let Some(message) = lease.get(receipt.tag) else { return Ok(()) };
        let names = Names::new(&receipt.queue, &self.config.ladder)?;
        self.publisher.deliver(post(&message, &names)).await?;
        counter.count();
        Ok(self.ack_messages(lease.remove(receipt.tag).into_iter().collect()).await?)
    }
}

/// The first step that is not shorter than the wait by more than a ladder's jitter; the broker lets go of what is at
/// the head only, so events that wait for very different times are kept apart.
fn wait_queue(names: &Names, after: Duration) -> Option<lapin::types::ShortString> {
    let by_step =
        names.wait.iter().filter(|(step, _)| step.mul_f64(1.25) >= after).min_by_key(|(step, _)| *step);
    let longest = || names.wait.iter().max_by_key(|(step, _)| *step);
    by_step.or_else(longest).map(|(_, name)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_goes_to_the_step_that_it_was_meant_for_whatever_its_jitter() {
        let steps = [5, 60, 600, 3600].map(Duration::from_secs);
        let names = Names::new("a", &steps).unwrap();
        for (after, step) in
            [(0, "5s"), (4, "5s"), (6, "5s"), (7, "1m"), (72, "1m"), (4320, "1h"), (9999, "1h")]
        {
            let queue = wait_queue(&names, Duration::from_secs(after)).unwrap();
            assert_eq!(queue.as_str(), format!("q.a.wait.{step}"), "{after} s");
        }
        assert_eq!(wait_queue(&Names::new("a", &[]).unwrap(), Duration::ZERO), None);
    }
}
