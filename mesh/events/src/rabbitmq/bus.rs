//! The bus on a broker: opening, publishing, subscribing, closing.

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::{
    runtime::Handle,
    sync::{Mutex, mpsc},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::Instrument;
use uuid::Uuid;

use super::{
    LinkState, RabbitConfig, RabbitStats,
    announcements::Listener,
    depth::Depths,
    error::RabbitError,
    lease::Lease,
    link::{Link, Role},
    message::{self, Past, Post},
    names::{EVENTS, Names, routing_key},
    publisher::{Publisher, Said},
    reader::{Ends, Reader},
    rooms::Rooms,
    spans,
    subscriptions::{GiveBack, RabbitDeliveries, Subscriptions},
    topology::Topology,
};
use crate::{
    Announcements, Broadcast, Bus, BusError, Deliveries, Depth, Envelope, EventKind, Outcome, ParkedEvent,
    ParkedPage, Published, Receipt, Subscription,
};

/// Orders that wait for a subscription's task.
const ORDERS_MAX: usize = 8;

/// A bus whose queues live in RabbitMQ. Clones share one bus. When the last one is dropped without
/// [`RabbitBus::close`], it ends as with a killed process: what was out comes again, and counts an attempt.
#[derive(Clone)]
pub struct RabbitBus {
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: Arc<RabbitConfig>,
    pub(super) consume: Link,
    pub(super) publisher: Arc<Publisher>,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) depths: Depths,
    /// Looks at what is parked take turns.
    pub(super) looking: Mutex<()>,
    topology: Arc<Topology>,
    rooms: Rooms,
    ends: Ends,
    /// Ends the connections.
    stop: CancellationToken,
    /// Tasks that need the connections, and tasks that keep them.
    work: TaskTracker,
    links: TaskTracker,
    runtime: Handle,
    _killed: DropGuard,
}

// === impl RabbitBus ===

impl RabbitBus {
    /// Opens the bus and begins to connect; a broker that is down is waited for in the background.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn open(config: RabbitConfig) -> Self {
        let config = Arc::new(config);
        let topology = Arc::new(Topology::new(&config));
        let killed = CancellationToken::new();
        let stop = killed.child_token();
        let links = TaskTracker::new();
        let [publish, consume] = [Role::Publish, Role::Consume].map(|role| {
            let (link, supervisor) = Link::new(role, &config, &topology);
            links.spawn(supervisor.run(stop.clone()));
            link
        });
        let subscriptions = Arc::new(Subscriptions::default());
        let depths = Depths {
            link: consume.clone(),
            subscriptions: Arc::clone(&subscriptions),
            config: Arc::clone(&config),
        };
        Self {
            inner: Arc::new(Inner {
                publisher: Arc::new(Publisher::new(publish, &config)),
                consume,
                subscriptions,
                looking: Mutex::default(),
                rooms: Rooms::new(depths.clone(), &topology),
                depths,
                topology,
                ends: Ends { closing: CancellationToken::new(), killed: killed.clone() },
                stop,
                work: TaskTracker::new(),
                links,
                runtime: Handle::current(),
                _killed: killed.drop_guard(),
                config,
            }),
        }
    }

    /// Ends every subscription and gives back what they hold, without an attempt counted, then closes the
    /// connections. Call it after the consumers have drained; what is out all the same may be settled for at most
    /// the confirm timeout.
    pub async fn close(&self) {
        self.inner.ends.closing.cancel();
        self.inner.work.close();
        self.inner.work.wait().await;
        self.inner.stop.cancel();
        self.inner.links.close();
        self.inner.links.wait().await;
        self.stats().log();
    }

    /// Ends the bus as a killed process ends it: nothing is given back. Returns when the connections are gone.
    #[cfg(feature = "conformance")]
    pub async fn abort(&self) {
        self.inner.ends.killed.cancel();
        self.inner.work.close();
        self.inner.work.wait().await;
        self.inner.links.close();
        self.inner.links.wait().await;
    }

    /// What happened so far.
    pub fn stats(&self) -> RabbitStats {
        self.inner.publisher.counters.snapshot()
    }

    /// How the connection for publishing is.
    pub fn publishing(&self) -> LinkState {
        self.inner.publisher.link().state()
    }

    /// How the connection for everything else is.
    pub fn consuming(&self) -> LinkState {
        self.inner.consume.state()
    }
}

#[async_trait]
impl Bus for RabbitBus {
    async fn declare(&self, subscriptions: &[Subscription]) -> Result<(), BusError> {
        let Inner { topology, consume, .. } = &*self.inner;
        topology.want(subscriptions)?;
        let live = consume.live().await?;
        topology.apply(&live).await?;
        Ok(topology.unbind(&live, subscriptions).await?)
    }

    async fn publish(&self, batch: &[Envelope]) -> Result<Vec<Published>, BusError> {
        let published = self.inner.publish(batch).instrument(spans::publish(batch)).await;
        if published.is_err() {
            self.inner.publisher.counters.failed.count();
        }
        Ok(published?)
    }

    async fn subscribe(&self, queue: &str, prefetch: NonZeroUsize) -> Result<Box<dyn Deliveries>, BusError> {
        self.inner.subscribe(queue, prefetch.get()).await
    }

    async fn ack(&self, receipts: &[Receipt]) -> Result<(), BusError> {
        self.inner.ack(receipts).await
    }

    async fn retry(&self, receipt: &Receipt, after: Duration) -> Result<(), BusError> {
        self.inner.retry(receipt, after).await
    }

    async fn park(&self, receipt: &Receipt, reason: &str) -> Result<(), BusError> {
        self.inner.park(receipt, reason).await
    }

    async fn parked(&self, queue: &str, after: Option<Uuid>, limit: usize) -> Result<ParkedPage, BusError> {
        self.inner.parked(queue, after, limit).await
    }

    async fn parked_event(&self, queue: &str, event_id: Uuid) -> Result<Option<ParkedEvent>, BusError> {
        self.inner.parked_event(queue, event_id).await
    }

    async fn replay(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        self.inner.replay(queue, event_id).await
    }

    async fn discard(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        self.inner.discard(queue, event_id).await
    }

    async fn depth(&self, queue: &str) -> Result<Depth, BusError> {
        self.inner.depths.depth(queue).await
    }
}

#[async_trait]
impl Broadcast for RabbitBus {
    async fn listen(&self, listener: &str, kinds: &[EventKind]) -> Result<Box<dyn Announcements>, BusError> {
        let Inner { consume, config, ends, work, .. } = &*self.inner;
        if ends.closing.is_cancelled() {
            return Err(RabbitError::Closed.into());
        }
        let (listener, announcements, dropped) =
            Listener::new(consume.clone(), Arc::clone(config), listener, kinds);
        work.spawn(listener.run(dropped, ends.clone()));
        Ok(Box::new(announcements))
    }
}

impl fmt::Debug for RabbitBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RabbitBus")
            .field("uri", &self.inner.config.uri)
            .field("publishing", &self.publishing())
            .field("consuming", &self.consuming())
            .finish_non_exhaustive()
    }
}

// === impl Inner ===

impl Inner {
    async fn publish(&self, batch: &[Envelope]) -> Result<Vec<Published>, RabbitError> {
        // Before the room is measured: that takes the other connection, which is not blocked.
        self.publisher.link().unblocked().await?;
        let admission = self.rooms.admit(batch).await;
        let mut outcomes = vec![Outcome::QueueFull; batch.len()];
        let admitted = batch.iter().enumerate().zip(&admission.admitted).filter(|(_, admitted)| **admitted);
        let (places, posts): (Vec<_>, Vec<_>) =
            admitted.map(|((n, envelope), _)| (n, self.post(envelope))).unzip();
        let said = self.publisher.send(&posts).await?;
        let counters = &self.publisher.counters;
        counters.returned.add(said.iter().filter(|said| **said == Said::Returned).count());
        let (mut lost_places, mut lost_posts) = (Vec::new(), Vec::new());
        for ((n, post), said) in places.into_iter().zip(posts).zip(said) {
            match said {
                Said::Accepted => outcomes[n] = Outcome::Accepted,
                Said::Refused => {}
                Said::Returned if self.topology.queues_of(&batch[n].kind).is_empty() => {
                    tracing::debug!("{} {} goes to nobody", batch[n].kind, batch[n].id);
                    outcomes[n] = Outcome::Unrouted;
                }
                Said::Returned => {
                    lost_places.push(n);
                    lost_posts.push(post);
                }
            }
        }
        if !lost_posts.is_empty() {
            self.send_lost(batch, &lost_places, &lost_posts, &mut outcomes).await?;
        }
        for outcome in &outcomes {
            match outcome {
                Outcome::Accepted => counters.published.count(),
                Outcome::Unrouted => counters.unrouted.count(),
                Outcome::QueueFull => counters.refused.count(),
            }
        }
        let published = |outcome| Published { outcome, is_marked: false };
        Ok(outcomes.into_iter().map(published).collect())
    }

    /// Messages came back although this process declared queues for them: somebody deleted what was declared. It
    /// is made again, and they are sent again.
    async fn send_lost(
        &self,
        batch: &[Envelope],
        places: &[usize],
        posts: &[Post],
        outcomes: &mut [Outcome],
    ) -> Result<(), RabbitError> {
        tracing::warn!(events = posts.len(), "the broker has lost a binding, making all of them again");
        let live = self.publisher.link().live().await?;
        self.topology.apply(&live).await?;
        for (n, said) in places.iter().zip(self.publisher.send(posts).await?) {
            outcomes[*n] = match said {
                Said::Accepted => Outcome::Accepted,
                Said::Refused => Outcome::QueueFull,
                Said::Returned => {
                    self.publisher.counters.returned.count();
                    return Err(RabbitError::Unroutable(batch[*n].kind.clone()));
                }
            };
        }
        Ok(())
    }

    fn post(&self, envelope: &Envelope) -> Post {
        let properties = message::encode(envelope, &self.config.source, Past::NONE);
        let key = routing_key(&envelope.kind, envelope.subject);
        Post { exchange: EVENTS, key, properties, body: envelope.body.clone() }
    }

    async fn subscribe(&self, queue: &str, prefetch: usize) -> Result<Box<dyn Deliveries>, BusError> {
        if self.ends.closing.is_cancelled() {
            return Err(RabbitError::Closed.into());
        }
        let names = Names::new(queue, &self.config.ladder)?;
        if self.depths.counter().await?.count(&names.work).await?.is_none() {
            return Err(BusError::UnknownQueue(queue.to_owned()));
        }
        let channel = self.consume.live().await?.channel().await?;
        let within = self.config.confirm_timeout;
        let adopted = self.subscriptions.adopt(queue, within).await;
        let lease = Arc::new(Lease::new(self.subscriptions.next_id(), queue, prefetch, adopted));
        let publisher = Arc::clone(&self.publisher);
        let begun = Reader::begin(channel, Arc::clone(&lease), names.clone(), publisher, prefetch, within);
        let give_back = GiveBack { publisher: Arc::clone(&self.publisher), config: Arc::clone(&self.config) };
        let reader = match begun.await {
            Ok(reader) => reader,
            Err(error) => {
                give_back.give_back(&names, lease.take_all()).await;
                return Err(error.into());
            }
        };
        let (orders, received) = mpsc::channel(ORDERS_MAX);
        self.subscriptions.add(&lease, &orders);
        let (ends, rest, rest_names) = (self.ends.clone(), give_back.clone(), names.clone());
        self.work.spawn(async move {
            let left = reader.run(received, ends).await;
            rest.give_back(&rest_names, left).await;
        });
        Ok(Box::new(RabbitDeliveries {
            lease,
            orders,
            subscriptions: Arc::clone(&self.subscriptions),
            give_back,
            names,
            ends: self.ends.clone(),
            tasks: self.work.clone(),
            runtime: self.runtime.clone(),
        }))
    }
}
