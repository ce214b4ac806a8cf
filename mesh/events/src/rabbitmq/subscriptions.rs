//! The subscriptions of this process, and what dropped ones left behind.
//!
//! A message that is given back to the broker counts as a delivery without an outcome. So what a dropped
//! subscription held stays here for a moment: the next subscription of the queue goes on with it. What nobody goes
//! on with is written to the end of its queue anew, with its attempts as they were.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::task::TaskTracker;

use super::{
    RabbitConfig,
    lease::{Lease, Message},
    message::{self, Post},
    names::{DEFAULT_EXCHANGE, Names},
    publisher::Publisher,
    reader::{Ends, Order},
};
use crate::{BusError, Deliveries, Delivery, Receipt};

/// How long what was left waits for the next subscription. A consumer subscribes again after a second.
const ADOPTED_WITHIN: Duration = Duration::from_secs(5);

/// The subscriptions of this process.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    held: Mutex<HashMap<u64, Subscribed>>,
    left: Mutex<HashMap<Arc<str>, Vec<Left>>>,
    last_id: AtomicU64,
}

#[derive(Clone, Debug)]
struct Subscribed {
    lease: Arc<Lease>,
    orders: mpsc::Sender<Order>,
}

/// What a dropped subscription held, once its task has stopped reading.
#[derive(Debug)]
struct Left {
    lease: Arc<Lease>,
    stopped: oneshot::Receiver<()>,
}

/// What gives messages back.
#[derive(Clone, Debug)]
pub(super) struct GiveBack {
    pub(super) publisher: Arc<Publisher>,
    pub(super) config: Arc<RabbitConfig>,
}

/// One subscription, in the hands of a consumer.
pub(super) struct RabbitDeliveries {
    pub(super) lease: Arc<Lease>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) subscriptions: Arc<Subscriptions>,
    pub(super) give_back: GiveBack,
    pub(super) names: Names,
    pub(super) ends: Ends,
    pub(super) tasks: TaskTracker,
    pub(super) runtime: Handle,
}

// === impl Subscriptions ===

impl Subscriptions {
    pub(super) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn add(&self, lease: &Arc<Lease>, orders: &mpsc::Sender<Order>) {
        let subscribed = Subscribed { lease: Arc::clone(lease), orders: orders.clone() };
        lock(&self.held).insert(lease.id, subscribed);
    }

    /// The lease that a receipt belongs to, unless it ended.
    pub(super) fn lease(&self, receipt: &Receipt) -> Option<Arc<Lease>> {
        lock(&self.held).get(&receipt.subscription).map(|subscribed| Arc::clone(&subscribed.lease))
    }

    /// What this process holds of a queue: to be delivered, and out.
    pub(super) fn count(&self, queue: &str) -> (u64, u64) {
        let (mut ready, mut out) = (0, 0);
        for subscribed in self.of(queue) {
            let count = subscribed.lease.count();
            (ready, out) = (ready + count.0, out + count.1);
        }
        for left in lock(&self.left).get(queue).into_iter().flatten() {
            let count = left.lease.count();
            ready += count.0 + count.1;
        }
        (ready, out)
    }

    /// Takes in everything that the broker has sent of a queue so far.
    pub(super) async fn take_in(&self, queue: &str, within: Duration) {
        for subscribed in self.of(queue) {
            let (done, taken_in) = oneshot::channel();
            if subscribed.orders.try_send(Order::TakeIn(done)).is_ok() {
                let _ = timeout(within, taken_in).await;
            }
        }
    }

    /// What earlier subscriptions of a queue left and nobody adopted yet, in order.
    pub(super) async fn adopt(&self, queue: &str, within: Duration) -> Vec<Message> {
        let left = lock(&self.left).remove(queue).unwrap_or_default();
        let mut adopted = Vec::new();
        for Left { lease, stopped } in left {
            // Failing that, what was read up to then.
            let _ = timeout(within, stopped).await;
            adopted.extend(lease.take_all());
        }
        adopted
    }

    fn of(&self, queue: &str) -> Vec<Subscribed> {
        lock(&self.held).values().filter(|subscribed| &*subscribed.lease.queue == queue).cloned().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl GiveBack ===

impl GiveBack {
    /// Writes messages to the end of their queue with their attempts as they are. What cannot be written is handed
    /// to the broker, which counts a delivery.
    pub(super) async fn give_back(&self, names: &Names, messages: Vec<Message>) {
        if messages.is_empty() {
            return;
        }
        let post = |message: &Message| Post {
            exchange: DEFAULT_EXCHANGE,
            key: names.work.clone(),
            properties: message::encode(&message.envelope, &self.config.source, message.past),
            body: message.envelope.body.clone(),
        };
        let posts: Vec<_> = messages.iter().map(post).collect();
        let said = self.publisher.send(&posts).await.unwrap_or_default();
        for (n, message) in messages.into_iter().enumerate() {
            let settled = if said.get(n) == Some(&super::publisher::Said::Accepted) {
                message.channel.basic_ack(message.tag, BasicAckOptions::default()).await
            } else {
                let requeue = BasicNackOptions { requeue: true, multiple: false };
                message.channel.basic_nack(message.tag, requeue).await
            };
            // The channel ended: the broker has it already.
            drop(settled);
        }
    }
}

// === impl RabbitDeliveries ===

#[async_trait]
impl Deliveries for RabbitDeliveries {
    async fn next(&mut self) -> Option<Result<Delivery, BusError>> {
        self.lease.next().await
    }
}

impl Drop for RabbitDeliveries {
    fn drop(&mut self) {
        lock(&self.subscriptions.held).remove(&self.lease.id);
        let (to, stopped) = oneshot::channel();
        // The task has ended, or it will when it finds that nobody can order anything any more.
        if self.orders.try_send(Order::Stop(to)).is_err() {
            return;
        }
        let queue = Arc::clone(&self.lease.queue);
        let left = Left { lease: Arc::clone(&self.lease), stopped };
        lock(&self.subscriptions.left).entry(Arc::clone(&queue)).or_default().push(left);
        let (subscriptions, give_back) = (Arc::clone(&self.subscriptions), self.give_back.clone());
        let (names, ends) = (self.names.clone(), self.ends.clone());
        let unadopted = async move {
            let waited = tokio::time::sleep(ADOPTED_WITHIN);
            let waited = ends.closing.run_until_cancelled(waited);
            if ends.killed.run_until_cancelled(waited).await.is_some() {
                let left = subscriptions.adopt(&queue, give_back.config.confirm_timeout).await;
                give_back.give_back(&names, left).await;
            }
        };
        self.tasks.spawn_on(unadopted, &self.runtime);
    }
}
