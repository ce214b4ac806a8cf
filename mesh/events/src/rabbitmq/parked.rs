//! Looking through what is parked.
//!
//! The broker has no index: a look takes messages without settling them, up to a bound, and gives back what it does
//! not need. Looks of one process take turns; those of several see less than all while they overlap.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use lapin::{
    BasicProperties, Channel,
    options::{BasicAckOptions, BasicGetOptions, BasicNackOptions},
    types::ShortString,
};
use tokio::time::timeout;
use uuid::Uuid;

use super::{
    bus::Inner,
    depth::Counter,
    error::RabbitError,
    message::{self, Past, Post},
    names::{DEFAULT_EXCHANGE, Names},
};
use crate::{BusError, ParkedEvent, ParkedPage};

/// How long the broker is given to make what was given back visible, and how often that is looked at.
const BACK_EVERY: Duration = Duration::from_millis(2);

/// Everything that a look has taken.
struct Look {
    channel: Channel,
    counter: Counter,
    queue: ShortString,
    taken: Vec<Taken>,
    /// Messages behind the bound.
    left: u64,
}

struct Taken {
    tag: u64,
    properties: BasicProperties,
    body: Bytes,
    event: ParkedEvent,
}

// === impl Inner ===

impl Inner {
    pub(super) async fn parked(
        &self,
        queue: &str,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<ParkedPage, BusError> {
        let _turn = self.looking.lock().await;
        let mut look = self.look(queue).await?;
        if look.left > 0 {
            tracing::warn!(
                queue,
                left = look.left,
                "not all parked events were looked through, the list is short"
            );
        }
        let mut events = BTreeMap::new();
        for taken in
            look.taken.iter().filter(|taken| after.is_none_or(|after| taken.event.envelope.id > after))
        {
            // Parked twice: the later entry counts.
            let entry = events.entry(taken.event.envelope.id).or_insert(&taken.event);
            if entry.park_time_ms <= taken.event.park_time_ms {
                *entry = &taken.event;
            }
        }
        let is_last = events.len() <= limit;
        let events: Vec<_> = events.into_values().take(limit).cloned().collect();
        let next = events.last().map(|event| event.envelope.id).filter(|_| !is_last);
        look.end(&[], self.config.confirm_timeout).await?;
        Ok(ParkedPage { events, next })
    }

    pub(super) async fn parked_event(&self, queue: &str, id: Uuid) -> Result<Option<ParkedEvent>, BusError> {
        let _turn = self.looking.lock().await;
        let mut look = self.look(queue).await?;
        let found = look.find(id).map(|copies| copies.last().map(|(_, event)| (*event).clone()));
        look.end(&[], self.config.confirm_timeout).await?;
        Ok(found?)
    }

    pub(super) async fn replay(&self, queue: &str, id: Uuid) -> Result<bool, BusError> {
        let names = Names::new(queue, &self.config.ladder)?;
        let _turn = self.looking.lock().await;
        let mut look = self.look(queue).await?;
        let mut tags = Vec::new();
        let mut replayed = look.find(id).map(|copies| {
            tags.extend(copies.iter().map(|(tag, _)| *tag));
            !copies.is_empty()
        });
        if let Some(taken) = look.taken.iter().rfind(|taken| tags.contains(&taken.tag)) {
            let (body, envelope) = (taken.body.clone(), &taken.event.envelope);
            // What is no event is parked again at once; that too is an answer.
            let properties = match message::decode(&taken.properties, body.clone()) {
                Ok(envelope) => message::encode(&envelope, &self.config.source, Past::NONE),
                Err(_) => message::parked(&taken.properties, &body, "replayed", 1, 0),
            };
            tracing::info!(queue, "replaying {} {}", envelope.kind, envelope.id);
            let post = Post { exchange: DEFAULT_EXCHANGE, key: names.work, properties, body };
            if let Err(error) = self.publisher.deliver(post).await {
                tags.clear();
                replayed = Err(error);
            }
        }
        look.end(&tags, self.config.confirm_timeout).await?;
        Ok(replayed?)
    }

    pub(super) async fn discard(&self, queue: &str, id: Uuid) -> Result<bool, BusError> {
        let _turn = self.looking.lock().await;
        let mut look = self.look(queue).await?;
        let found = look.find(id).map(|copies| copies.into_iter().map(|(tag, _)| tag).collect::<Vec<_>>());
        let tags = found.as_ref().map(Vec::clone).unwrap_or_default();
        look.end(&tags, self.config.confirm_timeout).await?;
        Ok(!found?.is_empty())
    }

    async fn look(&self, queue: &str) -> Result<Look, BusError> {
        let names = Names::new(queue, &self.config.ladder)?;
        let mut counter = self.depths.counter().await?;
        if counter.count(&names.work).await?.is_none() {
            return Err(BusError::UnknownQueue(queue.to_owned()));
        }
        let channel = self.consume.live().await?.channel().await?;
        let mut look = Look { channel, counter, queue: names.parked, taken: Vec::new(), left: 0 };
        look.take(self.config.parked_scan_max, self.config.confirm_timeout).await?;
        Ok(look)
    }
}

// === impl Look ===

impl Look {
    async fn take(&mut self, max: usize, within: Duration) -> Result<(), RabbitError> {
        while self.taken.len() < max {
            let get = self.channel.basic_get(self.queue.clone(), BasicGetOptions::default());
            let got =
                timeout(within, get).await.map_err(|_| RabbitError::Elapsed("hand out a message"))??;
            let Some(got) = got else {
                self.left = 0;
                return Ok(());
            };
            self.left = got.message_count.into();
            let (properties, body) = (got.delivery.properties, Bytes::from(got.delivery.data));
            let event = message::read_parked(&properties, body.clone());
            self.taken.push(Taken { tag: got.delivery.delivery_tag, properties, body, event });
        }
        Ok(())
    }

    /// All entries of an event, the latest last.
    fn find(&self, id: Uuid) -> Result<Vec<(u64, &ParkedEvent)>, RabbitError> {
        let found = self.taken.iter().filter(|taken| taken.event.envelope.id == id);
        let mut found: Vec<_> = found.map(|taken| (taken.tag, &taken.event)).collect();
        found.sort_by_key(|(_, event)| event.park_time_ms);
        if found.is_empty() && self.left > 0 { Err(RabbitError::ScanIncomplete) } else { Ok(found) }
    }

    /// Removes some for good, gives back the rest, and waits until the broker shows it again, so that the next
    /// look sees it.
    async fn end(&mut self, removed: &[u64], within: Duration) -> Result<(), RabbitError> {
        let Some(last) = self.taken.last().map(|taken| taken.tag) else { return Ok(()) };
        let expected = self.left + (self.taken.len() - removed.len()) as u64;
        let ended = async {
            for tag in removed {
                self.channel.basic_ack(*tag, BasicAckOptions::default()).await?;
            }
            if removed.len() < self.taken.len() {
                self.channel.basic_nack(last, BasicNackOptions { multiple: true, requeue: true }).await?;
            }
            while self.counter.count(&self.queue).await?.is_some_and(|count| count < expected) {
                tokio::time::sleep(BACK_EVERY).await;
            }
            Ok(())
        };
        timeout(within, ended).await.map_err(|_| RabbitError::Elapsed("take back what is parked"))?
    }
}
