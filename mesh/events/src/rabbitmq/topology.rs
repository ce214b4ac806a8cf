//! The exchange, the queues and their bindings, as this process asked for them.
//!
//! # Two ways to a queue
//! A queue is bound twice by each kind that it collects: the two bindings differ by an argument that means nothing to
//! a topic exchange (the queue still gets one copy), so that a deleted binding loses nothing by itself. When both are
//! gone and no other queue wants the kind, the message comes back; the rest is healed by binding anew every
//! [`rebind_every`](super::RabbitConfig::rebind_every). That publishers address the queues they know by name as well,
//! in the header `BCC`, would be as safe; it cost the broker half as much again for each message.
//!
//! There is no alternate exchange: a message that it takes counts as routed, so nothing would ever come back to the
//! publisher, who alone still has the event and can act.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::time::timeout;

use super::{
    RabbitConfig,
    error::{RabbitError, is_precondition_failed},
    link::Live,
    names::{DEFAULT_EXCHANGE, EVENTS, Names, binding_key, short},
};
use crate::{BusError, EventKind, Subscription};

/// What was declared in this process, and how it is made.
#[derive(Debug)]
pub(super) struct Topology {
    config: Arc<RabbitConfig>,
    wanted: Mutex<Wanted>,
}

#[derive(Debug, Default)]
struct Wanted {
    queues: BTreeMap<Arc<str>, Asked>,
}

#[derive(Clone, Debug)]
struct Asked {
    names: Names,
    kinds: BTreeSet<EventKind>,
    /// Kinds that an earlier declaration asked for and this one does not.
    unwanted: BTreeSet<EventKind>,
}

// === impl Topology ===

impl Topology {
    pub(super) fn new(config: &Arc<RabbitConfig>) -> Self {
        Self { config: Arc::clone(config), wanted: Mutex::default() }
    }

    /// Notes what is wanted from now on. It is made at once if there is a connection, and by every later one.
    ///
    /// # Errors
    /// [`BusError::UnknownQueue`]: a name that the broker cannot have.
    pub(super) fn want(&self, subscriptions: &[Subscription]) -> Result<(), BusError> {
        let mut wanted = self.wanted();
        let mut known: BTreeSet<_> =
            subscriptions.iter().flat_map(|subscription| subscription.kinds.clone()).collect();
        known.extend(wanted.queues.values().flat_map(|asked| asked.kinds.iter().cloned()));
        for subscription in subscriptions {
            let names = Names::new(&subscription.queue, &self.config.ladder)?;
            let kinds: BTreeSet<_> = subscription.kinds.iter().cloned().collect();
            let before = wanted.queues.get(subscription.queue.as_str());
            let unwanted = match before {
                // Said again, as after a lost connection: not a change of mind. Only the newest version of a
                // service may take a binding away, else an old instance would undo what a new one asked for.
                Some(before) if before.kinds == kinds => before.unwanted.clone(),
                Some(before) => before.kinds.union(&before.unwanted).cloned().collect(),
                None => known.clone(),
            };
            let unwanted = unwanted.difference(&kinds).cloned().collect();
            wanted.queues.insert(subscription.queue.as_str().into(), Asked { names, kinds, unwanted });
        }
        Ok(())
    }

    /// Takes away bindings that an earlier declaration of these queues made and the latest does not want; once.
    pub(super) async fn unbind(
        &self,
        live: &Live,
        subscriptions: &[Subscription],
    ) -> Result<(), RabbitError> {
        let named = |name: &str| subscriptions.iter().any(|subscription| subscription.queue == name);
        let asked: Vec<_> = self
            .wanted()
            .queues
            .iter()
            .filter(|(name, _)| named(name))
            .map(|(_, asked)| asked.clone())
            .collect();
        let channel = live.channel().await?;
        let unbound = async {
            for asked in &asked {
                for (kind, way) in asked.unwanted.iter().flat_map(both_ways) {
                    let (work, key) = (asked.names.work.clone(), binding_key(kind));
                    channel.queue_unbind(work, short(EVENTS), key, way).await?;
                }
            }
            Ok(())
        };
        self.bounded("unbind a queue", unbound).await?;
        let mut wanted = self.wanted();
        wanted
            .queues
            .iter_mut()
            .filter(|(name, _)| named(name))
            .for_each(|(_, asked)| asked.unwanted.clear());
        Ok(())
    }

    /// The queues that were declared for a kind.
    pub(super) fn queues_of(&self, kind: &EventKind) -> Vec<Arc<str>> {
        let wanted = self.wanted();
        let wants = wanted.queues.iter().filter(|(_, asked)| asked.kinds.contains(kind));
        wants.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Makes what is missing. What is there stays as it is.
    pub(super) async fn apply(&self, live: &Live) -> Result<(), RabbitError> {
        let wanted: Vec<_> = self.wanted().queues.values().cloned().collect();
        let mut channel = live.channel().await?;
        let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
        let exchange =
            channel.exchange_declare(short(EVENTS), ExchangeKind::Topic, durable, FieldTable::default());
        self.bounded("declare an exchange", async { Ok(exchange.await?) }).await?;
        for asked in &wanted {
            for (name, arguments) in self.queues(&asked.names) {
                channel = self.declare(live, channel, name, arguments).await?;
            }
        }
        self.bind(&channel).await
    }

    /// Makes every binding anew, in case somebody deleted one: the broker would not tell.
    pub(super) async fn bind(&self, channel: &Channel) -> Result<(), RabbitError> {
        let wanted: Vec<_> = self.wanted().queues.values().cloned().collect();
        let bound = async {
            for asked in &wanted {
                for (kind, way) in asked.kinds.iter().flat_map(both_ways) {
                    let (work, options) = (asked.names.work.clone(), QueueBindOptions::default());
                    channel.queue_bind(work, short(EVENTS), binding_key(kind), options, way).await?;
                }
            }
            Ok(())
        };
        self.bounded("bind a queue", bound).await
    }

    /// Declares a queue. One that exists with other arguments, as after a change of configuration, is used as it
    /// is: they cannot be changed, and refusing to work would help nobody.
    async fn declare(
        &self,
        live: &Live,
        channel: Channel,
        name: ShortString,
        arguments: FieldTable,
    ) -> Result<Channel, RabbitError> {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        let declared = channel.queue_declare(name.clone(), options, arguments);
        match self.bounded("declare a queue", async { Ok(declared.await?) }).await {
            Ok(_) => Ok(channel),
            Err(RabbitError::Amqp(error)) if is_precondition_failed(&error) => {
                tracing::debug!(queue = %name, %error, "a queue exists with other arguments and is used as it is");
                live.channel().await
            }
            Err(error) => Err(error),
        }
    }

    /// What is parked first: whatever points to a queue finds it.
    fn queues(&self, names: &Names) -> Vec<(ShortString, FieldTable)> {
        let max = AMQPValue::LongLongInt(self.config.queue_events_max.cast_signed());
        let mut queues = vec![(
            names.parked.clone(),
            // A look at what is parked counts as a delivery there, so there is no limit to speak of.
            arguments([
                ("x-delivery-limit", AMQPValue::LongLongInt(i32::MAX.into())),
                ("x-max-length", max.clone()),
            ]),
        )];
        let dead_letters = |to: &ShortString| {
            [
                ("x-dead-letter-exchange", AMQPValue::LongString(DEFAULT_EXCHANGE.into())),
                ("x-dead-letter-routing-key", AMQPValue::LongString(to.as_str().into())),
                ("x-dead-letter-strategy", AMQPValue::LongString("at-least-once".into())),
            ]
        };
        let limit = AMQPValue::LongLongInt(self.config.delivery_limit.into());
        let work = dead_letters(&names.parked);
        let work = work.into_iter().chain([("x-delivery-limit", limit), ("x-max-length", max.clone())]);
        queues.push((names.work.clone(), arguments(work)));
        for (_, name) in &names.wait {
            let wait = dead_letters(&names.work).into_iter().chain([("x-max-length", max.clone())]);
            queues.push((name.clone(), arguments(wait)));
        }
        queues
    }

    async fn bounded<T>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, RabbitError>>,
    ) -> Result<T, RabbitError> {
        timeout(self.config.confirm_timeout, work).await.map_err(|_| RabbitError::Elapsed(what))?
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A kind with the arguments of each of its two bindings.
fn both_ways(kind: &EventKind) -> [(&EventKind, FieldTable); 2] {
    let mut second = FieldTable::default();
    second.insert(short("way"), AMQPValue::LongLongInt(2));
    [(kind, FieldTable::default()), (kind, second)]
}

/// The arguments of every queue of ours: replicated, and full means refused, never dropped.
fn arguments(more: impl IntoIterator<Item = (&'static str, AMQPValue)>) -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(short("x-queue-type"), AMQPValue::LongString("quorum".into()));
    arguments.insert(short("x-overflow"), AMQPValue::LongString("reject-publish".into()));
    for (name, value) in more {
        arguments.insert(short(name), value);
    }
    arguments
}
