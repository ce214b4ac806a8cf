//! The task that reads for one subscription.

use std::{
    collections::BTreeMap,
    ops::ControlFlow,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel, Consumer,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, ChannelFlowOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    error::RabbitError,
    lease::{End, Lease, Message},
    message::{self, Post},
    names::{DEFAULT_EXCHANGE, Names, short},
    publisher::Publisher,
};

/// What a subscription's task is asked for.
#[derive(Debug)]
pub(super) enum Order {
    /// Take in everything that the broker has sent so far, then say so.
    TakeIn(oneshot::Sender<()>),
    /// The subscription was dropped: stop, then say so. What it held stays in the lease.
    Stop(oneshot::Sender<()>),
}

/// How a reader may be ended from outside.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// The bus is being closed: give back what is held.
    pub(super) closing: CancellationToken,
    /// The process ends as if it was killed: give back nothing.
    pub(super) killed: CancellationToken,
}

/// Reads one queue on a channel of its own, one message at a time at first.
pub(super) struct Reader {
    channel: Channel,
    lease: Arc<Lease>,
    names: Names,
    publisher: Arc<Publisher>,
    prefetch: u16,
    answer_within: Duration,
    /// Reads one message at a time. It comes before the other one, so that the order stays.
    scout: Consumer,
    /// Reads the rest of the prefetch, while nothing is suspect.
    ahead: Option<Consumer>,
    /// Consumers that were begun, for their names.
    begun: u32,
    /// Messages that were heard before one that was sent earlier, to the other consumer.
    early: BTreeMap<u64, Delivery>,
    next_tag: u64,
}

// === impl Reader ===

impl Reader {
    pub(super) async fn begin(
        channel: Channel,
        lease: Arc<Lease>,
        names: Names,
        publisher: Arc<Publisher>,
        prefetch: usize,
        answer_within: Duration,
    ) -> Result<Self, RabbitError> {
        let scout = consume(&channel, &names.work, 1, 0, answer_within).await?;
        Ok(Self {
            channel,
            lease,
            names,
            publisher,
            prefetch: u16::try_from(prefetch).unwrap_or(u16::MAX),
            answer_within,
            scout,
            ahead: None,
            begun: 1,
            early: BTreeMap::new(),
            next_tag: 1,
        })
    }

    /// Reads until the subscription or the bus ends. Gives back what it still holds when the bus is closed.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>, ends: Ends) -> Vec<Message> {
        let read = self.read(&mut orders, &ends);
        let outcome = match ends.killed.run_until_cancelled(read).await {
            Some(outcome) => outcome,
            None => return Vec::new(),
        };
        match outcome {
            Ok(Some(stopped)) => {
                self.stop().await;
                // Who dropped it is told, or has ended; then nobody will adopt what it held.
                if stopped.send(()).is_ok() { Vec::new() } else { self.lease.take_all() }
            }
            Ok(None) => self.close(orders, &ends).await,
            Err(error) => {
                self.lease.end(End::Lost(mesh_telemetry::chain(&error).to_string()));
                Vec::new()
            }
        }
    }

    async fn read(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        ends: &Ends,
    ) -> Result<Option<oneshot::Sender<()>>, RabbitError> {
        loop {
            tokio::select! {
                biased;
                () = ends.closing.cancelled() => return Ok(None),
                order = orders.recv() => match order {
                    Some(Order::TakeIn(done)) => {
                        // What the broker sent before it answers this has arrived when it does.
                        let flow = self.channel.channel_flow(ChannelFlowOptions { active: true });
                        bounded(self.answer_within, "answer", flow).await?;
                        self.take_in().await?;
                        let _ = done.send(());
                    }
                    Some(Order::Stop(stopped)) => return Ok(Some(stopped)),
                    None => return Ok(None),
                },
                delivery = self.scout.next() => {
                    self.heard(delivery)?;
                    self.take_in().await?;
                    self.pace().await?;
                }
                delivery = next(&mut self.ahead) => {
                    self.heard(delivery)?;
                    self.take_in().await?;
                    self.pace().await?;
                }
            }
        }
    }

    fn heard(&mut self, delivery: Option<lapin::Result<Delivery>>) -> Result<(), RabbitError> {
        let delivery = delivery.ok_or(RabbitError::NotConnected)??;
        self.early.insert(delivery.delivery_tag, delivery);
        Ok(())
    }

    /// Takes in everything that has arrived.
    async fn take_in(&mut self) -> Result<(), RabbitError> {
        while let Some(delivery) = self.scout.next().now_or_never() {
            self.heard(delivery)?;
        }
        while let Some(delivery) = next(&mut self.ahead).now_or_never() {
            self.heard(delivery)?;
        }
        self.hand_over().await
    }

    /// Hands to the lease what is complete up to its place in the order.
    async fn hand_over(&mut self) -> Result<(), RabbitError> {
        let mut messages = Vec::new();
        while let Some(delivery) = self.early.remove(&self.next_tag) {
            self.next_tag += 1;
            let Delivery { properties, data, delivery_tag: tag, .. } = delivery;
            let body = Bytes::from(data);
            match message::decode(&properties, body.clone()) {
                Ok(envelope) => messages.push(Message {
                    channel: self.channel.clone(),
                    tag,
                    envelope,
                    past: message::past(&properties),
                    deaths: message::deaths(&properties),
                }),
                Err(error) => {
                    let reason = format!("the message is no event: {error}");
                    tracing::error!(queue = %self.names.work, reason, "parking a message at once");
                    let attempts = message::past(&properties).attempt;
                    let properties = message::parked(&properties, &body, &reason, attempts, now_ms());
                    let key = self.names.parked.clone();
                    self.publisher
                        .deliver(Post { exchange: DEFAULT_EXCHANGE, key, properties, body })
                        .await?;
                    self.publisher.counters.parked.count();
                    let ack = self.channel.basic_ack(tag, BasicAckOptions::default());
                    bounded(self.answer_within, "take an acknowledgement", ack).await?;
                }
            }
        }
        self.lease.read(messages);
        Ok(())
    }

    /// Reads ahead from the first message on that is no suspect, and no more once there is one.
    async fn pace(&mut self) -> Result<(), RabbitError> {
        let may_read_ahead = self.prefetch > 1 && !self.lease.has_suspects();
        match self.ahead.take() {
            None if may_read_ahead => {
                let (queue, prefetch, number) = (&self.names.work, self.prefetch - 1, self.begun);
                self.begun += 1;
                self.ahead = Some(consume(&self.channel, queue, prefetch, number, self.answer_within).await?);
                Ok(())
            }
            Some(ahead) if !may_read_ahead => self.cancel(ahead).await,
            unchanged => {
                self.ahead = unchanged;
                Ok(())
            }
        }
    }

    /// Ends a consumer and takes in what it was still sent.
    async fn cancel(&mut self, mut consumer: Consumer) -> Result<(), RabbitError> {
        let cancel = self.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
        bounded(self.answer_within, "end a consumer", cancel).await?;
        while let Some(delivery) = consumer.next().await {
            self.heard(Some(delivery))?;
        }
        self.hand_over().await
    }

    /// Ends the reading; what was read stays in the lease.
    async fn stop(&mut self) {
        let ahead = self.ahead.take();
        let consumers: Vec<_> = ahead.into_iter().chain([self.scout.clone()]).collect();
        for consumer in consumers {
            if let Err(error) = self.cancel(consumer).await {
                let error = mesh_telemetry::chain(&error);
                tracing::debug!(%error, "a subscription ended with its channel");
                return;
            }
        }
    }

    /// The bus is being closed: nothing more is handed out, and what is out may still be settled for a while.
    async fn close(mut self, mut orders: mpsc::Receiver<Order>, ends: &Ends) -> Vec<Message> {
        self.lease.end(End::Closed);
        self.stop().await;
        let mut given_back = self.lease.take_ahead();
        let dropped = async {
            while let ControlFlow::Continue(()) = match orders.recv().await {
                Some(Order::TakeIn(_)) => ControlFlow::Continue(()),
                Some(Order::Stop(_)) | None => ControlFlow::Break(()),
            } {}
        };
        let _ = timeout(self.answer_within, ends.killed.run_until_cancelled(dropped)).await;
        let out = self.lease.take_all();
        given_back.splice(..0, out);
        given_back
    }
}

/// Begins a consumer; the first of a channel, its scout, is served before the others.
async fn consume(
    channel: &Channel,
    queue: &ShortString,
    prefetch: u16,
    number: u32,
    within: Duration,
) -> Result<Consumer, RabbitError> {
    let begin = async {
        channel.basic_qos(prefetch, BasicQosOptions { global: false }).await?;
        let mut arguments = FieldTable::default();
        arguments.insert(short("x-priority"), AMQPValue::LongInt((number == 0).into()));
        let (tag, options) = (short(&format!("reader.{number}")), BasicConsumeOptions::default());
        channel.basic_consume(queue.clone(), tag, options, arguments).await
    };
    bounded(within, "begin a consumer", begin).await
}

/// What a consumer hears next; nothing ever, while there is none.
async fn next(consumer: &mut Option<Consumer>) -> Option<lapin::Result<Delivery>> {
    match consumer {
        Some(consumer) => consumer.next().await,
        None => std::future::pending().await,
    }
}

async fn bounded<T>(
    within: Duration,
    what: &'static str,
    work: impl Future<Output = lapin::Result<T>>,
) -> Result<T, RabbitError> {
    Ok(timeout(within, work).await.map_err(|_| RabbitError::Elapsed(what))??)
}

/// Now, in milliseconds since the Unix epoch.
pub(super) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
