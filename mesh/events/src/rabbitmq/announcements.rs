//! Listening: a queue of this instance alone, gone with its connection.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::{sync::Notify, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{
    RabbitConfig,
    error::RabbitError,
    link::Link,
    message,
    names::{EVENTS, binding_key, short},
    reader::Ends,
};
use crate::{Announcement, Announcements, EventKind};

/// Announcements that a slow listener may have before it; then all are dropped, and it is told that it missed
/// something.
const HEARD_MAX: usize = 4096;
/// What the broker sends ahead of acknowledgements.
const PREFETCH: u16 = 512;
/// What the broker keeps for an instance that stands still, until its heartbeat is missed. It drops the oldest
/// beyond that; only this bounds what a stopped process costs the broker.
const QUEUE_EVENTS_MAX: i64 = 100_000;

/// The task that listens.
pub(super) struct Listener {
    pub(super) link: Link,
    pub(super) config: Arc<RabbitConfig>,
    pub(super) name: String,
    pub(super) kinds: Vec<EventKind>,
    heard: Arc<Heard>,
}

/// What was heard and not taken yet.
#[derive(Debug, Default)]
struct Heard {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    announcements: VecDeque<Announcement>,
    is_closed: bool,
}

/// A listener's end.
#[derive(Debug)]
pub(super) struct RabbitAnnouncements {
    heard: Arc<Heard>,
    dropped: CancellationToken,
}

// === impl Listener ===

impl Listener {
    /// The task and the end that it tells; `dropped` ends the task.
    pub(super) fn new(
        link: Link,
        config: Arc<RabbitConfig>,
        name: &str,
        kinds: &[EventKind],
    ) -> (Self, RabbitAnnouncements, CancellationToken) {
        let heard = Arc::new(Heard::default());
        let dropped = CancellationToken::new();
        let announcements = RabbitAnnouncements { heard: Arc::clone(&heard), dropped: dropped.clone() };
        (Self { link, config, name: name.to_owned(), kinds: kinds.to_vec(), heard }, announcements, dropped)
    }

    pub(super) async fn run(self, dropped: CancellationToken, ends: Ends) {
        let listening = async {
            let mut has_told = false;
            for number in 0_u64.. {
                let Err(error) = self.listen(number, &mut has_told).await;
                if std::mem::take(&mut has_told) || number == 0 {
                    let error = mesh_telemetry::chain(&error);
                    tracing::warn!(listener = self.name, %error, "nothing is heard at present, listening again");
                    self.heard.tell([Announcement::Interrupted]);
                }
                tokio::time::sleep(self.config.backoff.0).await;
            }
        };
        tokio::select! {
            () = listening => {}
            () = dropped.cancelled() => {}
            () = ends.closing.cancelled() => {}
            () = ends.killed.cancelled() => {}
        }
        self.heard.waiting().is_closed = true;
        self.heard.changed.notify_waiters();
    }

    /// Listens until it cannot.
    async fn listen(
        &self,
        number: u64,
        has_told: &mut bool,
    ) -> Result<std::convert::Infallible, RabbitError> {
        let live = self.link.live().await?;
        let channel = live.channel().await?;
        let begin = self.begin(&channel, number);
        let within = self.config.confirm_timeout;
        let mut consumer =
            timeout(within, begin).await.map_err(|_| RabbitError::Elapsed("let us listen"))??;
        *has_told = true;
        self.heard.tell([Announcement::Resumed]);
        loop {
            let mut next = Some(consumer.next().await);
            let (mut last, mut events) = (None, Vec::new());
            while let Some(delivery) = next {
                let delivery = delivery.ok_or(RabbitError::NotConnected)??;
                last = Some(delivery.delivery_tag);
                match message::decode(&delivery.properties, Bytes::from(delivery.data)) {
                    Ok(envelope) => events.push(Announcement::Event(envelope)),
                    Err(error) => tracing::debug!(listener = self.name, %error, "heard what is no event"),
                }
                next = consumer.next().now_or_never();
            }
            self.heard.tell(events);
            if let Some(last) = last {
                channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
            }
        }
    }

    /// Declares, binds, consumes: what is published after this is heard. A name of its own each time, because the
    /// broker may still keep the one of the connection that was lost.
    async fn begin(&self, channel: &Channel, number: u64) -> Result<Consumer, lapin::Error> {
        let name = if number == 0 { short(&self.name) } else { short(&format!("{}.{number}", self.name)) };
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let mut arguments = FieldTable::default();
        arguments.insert(short("x-max-length"), AMQPValue::LongLongInt(QUEUE_EVENTS_MAX));
        channel.queue_declare(name.clone(), options, arguments).await?;
        for kind in &self.kinds {
            let (options, nothing) = (QueueBindOptions::default(), FieldTable::default());
            channel.queue_bind(name.clone(), short(EVENTS), binding_key(kind), options, nothing).await?;
        }
        channel.basic_qos(PREFETCH, BasicQosOptions { global: false }).await?;
        let options = BasicConsumeOptions { exclusive: true, ..Default::default() };
        channel.basic_consume(name, short("listener"), options, FieldTable::default()).await
    }
}

// === impl Heard ===

impl Heard {
    fn tell(&self, announcements: impl IntoIterator<Item = Announcement>) {
        let mut waiting = self.waiting();
        for announcement in announcements {
            if waiting.announcements.len() >= HEARD_MAX {
                waiting.announcements.clear();
                waiting.announcements.push_back(Announcement::Resumed);
            }
            waiting.announcements.push_back(announcement);
        }
        drop(waiting);
        self.changed.notify_waiters();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl RabbitAnnouncements ===

#[async_trait]
impl Announcements for RabbitAnnouncements {
    async fn next(&mut self) -> Option<Announcement> {
        loop {
            let mut changed = std::pin::pin!(self.heard.changed.notified());
            changed.as_mut().enable();
            {
                let mut waiting = self.heard.waiting();
                if let Some(announcement) = waiting.announcements.pop_front() {
                    return Some(announcement);
                }
                if waiting.is_closed {
                    return None;
                }
            }
            changed.await;
        }
    }
}

impl Drop for RabbitAnnouncements {
    fn drop(&mut self) {
        self.dropped.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doubles::event;

    #[tokio::test]
    async fn a_listener_that_falls_behind_is_told_of_the_gap_before_what_comes_after_it() {
        let heard = Arc::new(Heard::default());
        let mut announcements =
            RabbitAnnouncements { heard: heard.clone(), dropped: CancellationToken::new() };
        heard.tell((0..=HEARD_MAX as u64).map(|n| Announcement::Event(event(n))));
        assert_eq!(announcements.next().await, Some(Announcement::Resumed));
        assert_eq!(announcements.next().await, Some(Announcement::Event(event(HEARD_MAX as u64))));
        assert!(announcements.next().now_or_never().is_none());
    }
}
