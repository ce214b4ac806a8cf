//! Publishing with confirms, and settling what comes back.
//!
//! # Which message came back
//! The driver attaches a returned message to whatever confirm completes next, which with several publishes in
//! flight is not its own. So a batch is settled as a whole: all confirms are awaited, all returned messages are
//! collected, and each is attributed by its message id. The broker sends a return before the confirm of the same
//! message, so at the end of the batch all of its returns are known. One batch at a time uses a channel.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use fail::fail_point;
use futures_util::future::{poll_immediate, try_join, try_join_all};
use lapin::{
    Channel, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use tokio::{sync::Semaphore, time::timeout};

use super::{
    RabbitConfig,
    error::RabbitError,
    link::{Link, Live},
    message::Post,
    names::short,
    stats::Counters,
};

/// Messages in flight on one channel.
pub(super) const BATCH_MAX: usize = 256;

/// What the broker said to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It is durable in every queue that the broker knows for it.
    Accepted,
    /// The broker knows of no queue for it.
    Returned,
    /// A queue refused it.
    Refused,
}

/// Publishes on channels of its own, of which there are few.
#[derive(Debug)]
pub(super) struct Publisher {
    link: Link,
    config: Arc<RabbitConfig>,
    permits: Semaphore,
    /// Channels that nobody uses at present and on which nothing is in flight.
    idle: Mutex<Vec<Confirming>>,
    /// What the whole bus counts: everything that uses the bus has its publisher.
    pub(super) counters: Counters,
}

/// A channel that confirms.
struct Confirming {
    live: Arc<Live>,
    channel: Channel,
}

// === impl Publisher ===

impl Publisher {
    pub(super) fn new(link: Link, config: &Arc<RabbitConfig>) -> Self {
        let permits = Semaphore::new(config.publish_channels.max(1));
        Self {
            link,
            config: Arc::clone(config),
            permits,
            idle: Mutex::default(),
            counters: Counters::default(),
        }
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Publishes and waits until the broker has said something to every message, in order.
    ///
    /// # Errors
    /// Any [`RabbitError`]; which messages were accepted is unknown then.
    pub(super) async fn send(&self, posts: &[Post]) -> Result<Vec<Said>, RabbitError> {
        if posts.is_empty() {
            return Ok(Vec::new());
        }
        self.link.unblocked().await?;
        if posts.len() <= BATCH_MAX {
            return self.send_in_order(&posts.iter().collect::<Vec<_>>()).await;
        }
        // In two lanes, each with a batch in flight: the broker writes one while the other is on its way. What is about
        // one subject has one key, and so stays in one lane.
        let is_left = |post: &Post| post.key.as_str().as_bytes().last().is_some_and(|last| last & 1 == 0);
        let (left, right): (Vec<_>, Vec<_>) = posts.iter().partition(|post| is_left(post));
        let (left, right) = try_join(self.send_in_order(&left), self.send_in_order(&right)).await?;
        let (mut left, mut right) = (left.into_iter(), right.into_iter());
        let next = |post| if is_left(post) { left.next() } else { right.next() };
        Ok(posts.iter().filter_map(next).collect())
    }

    async fn send_in_order(&self, posts: &[&Post]) -> Result<Vec<Said>, RabbitError> {
        if posts.is_empty() {
            return Ok(Vec::new());
        }
        let permit = timeout(self.config.confirm_timeout, self.permits.acquire()).await;
        let _permit = permit.map_err(|_| RabbitError::Elapsed("confirm earlier batches"))?.ok();
        let mut said = Vec::with_capacity(posts.len());
        // Dropped in the middle, by an error or by a caller who gave up, the channel is closed with all that is in
        // flight on it: nobody would know whose confirms come next.
        let confirming = self.channel().await?;
        for batch in posts.chunks(BATCH_MAX) {
            said.extend(confirming.send(batch, &self.config).await?);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(confirming);
        Ok(said)
    }

    /// Writes one message to a queue by name, and is done when it is there.
    pub(super) async fn deliver(&self, post: Post) -> Result<(), RabbitError> {
        let queue = post.key.to_string();
        match self.send(&[post]).await?.as_slice() {
            [Said::Accepted] => Ok(()),
            _ => Err(RabbitError::NotTaken(queue)),
        }
    }

    async fn channel(&self) -> Result<Confirming, RabbitError> {
        loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match idle {
                Some(idle) if idle.live.is_up() && idle.channel.status().connected() => return Ok(idle),
                Some(_) => {}
                None => break,
            }
        }
        let live = self.link.live().await?;
        let channel = live.channel().await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        timeout(self.config.confirm_timeout, confirms)
            .await
            .map_err(|_| RabbitError::Elapsed("confirm publishing"))??;
        Ok(Confirming { live, channel })
    }
}

// === impl Confirming ===

impl Confirming {
    async fn send(&self, batch: &[&Post], config: &RabbitConfig) -> Result<Vec<Said>, RabbitError> {
        let settled = async {
            let confirms = self.publish(batch).await?;
            settle(batch, try_join_all(confirms).await?)
        };
        match timeout(config.confirm_timeout, settled).await {
            Ok(said) => said,
            Err(_) if self.live.is_blocked() => Err(RabbitError::Blocked),
            Err(_) => Err(RabbitError::Elapsed("confirm a batch")),
        }
    }

    /// Queues the batch in its order. The first poll of a publish queues its frames; what it then waits for is that
    /// they are written, which need not happen one after the other.
    async fn publish(&self, batch: &[&Post]) -> Result<Vec<PublisherConfirm>, RabbitError> {
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let mut written = Vec::with_capacity(batch.len());
        for post in batch {
            let (exchange, key) = (short(post.exchange), post.key.clone());
            let mut publish = Box::pin(async move {
                self.channel.basic_publish(exchange, key, options, &post.body, post.properties.clone()).await
            });
            let at_once = poll_immediate(&mut publish).await;
            written.push(async move {
                match at_once {
                    Some(confirm) => confirm,
                    None => publish.await,
                }
            });
        }
        Ok(try_join_all(written).await?)
    }
}

/// Attributes the returned messages of a batch whose confirms are all there.
fn settle(batch: &[&Post], confirmations: Vec<Confirmation>) -> Result<Vec<Said>, RabbitError> {
    let mut said = Vec::with_capacity(batch.len());
    let mut returned: HashSet<Option<ShortString>> = HashSet::new();
    for confirmation in confirmations {
        debug_assert_ne!(confirmation, Confirmation::NotRequested, "the channel does not confirm");
        said.push(if confirmation.is_ack() { Said::Accepted } else { Said::Refused });
        if let Some(message) = confirmation.take_message() {
            returned.insert(message.properties.message_id().clone());
        }
    }
    if ignores_returned() {
        return Ok(said);
    }
    for (post, said) in batch.iter().zip(&mut said) {
        if returned.contains(post.properties.message_id()) {
            *said = Said::Returned;
        }
    }
    let ours: HashSet<_> = batch.iter().map(|post| post.properties.message_id()).collect();
    if returned.iter().all(|id| ours.contains(id)) { Ok(said) } else { Err(RabbitError::Unattributed) }
}

/// Seeded bug, only with failpoints compiled in: a message that no queue took counts as published.
fn ignores_returned() -> bool {
    fail_point!("bug.ignore-returned", |_| true);
    false
}

impl std::fmt::Debug for Confirming {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Confirming").field("channel", &self.channel.id()).finish()
    }
}
