//! A bus that delivers everything twice, as one does that lost its connection before an acknowledgement: both
//! consumers have their effect once.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use mesh_events::{
    Bus, BusError, Deliveries, Delivery, Depth, Envelope, ParkedEvent, ParkedPage, Published, Receipt,
    Subscription, embedded::EmbeddedBus,
};
use mesh_rig::smtp::{Security, Sink};
use notification::{
    MailConfig,
    events::{RECEIPTS_QUEUE, WELCOME_QUEUE},
    store::NotificationStore,
};
use proto::notification::v1::{ListNotificationsRequest, State};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    embedded::Engine,
};
use uuid::Uuid;

use super::{
    Api,
    people::People,
    receipts::events::{capture_in_part, captured, refunded},
    until,
    welcome::created,
};
use crate::{conformance::Harness as _, cql::Cluster, smtp::plain};

/// Users and payments of a test.
const COUNT: u128 = 20;

/// Whatever the bus within delivers comes again at once, with the same receipt.
struct Twice(EmbeddedBus<Engine>);

struct EachTwice {
    once: Box<dyn Deliveries>,
    again: Option<Delivery>,
}

#[async_trait]
impl Deliveries for EachTwice {
    async fn next(&mut self) -> Option<Result<Delivery, BusError>> {
        if let Some(again) = self.again.take() {
            return Some(Ok(again));
        }
        let delivery = self.once.next().await?;
        self.again = delivery.as_ref().ok().cloned();
        Some(delivery)
    }
}

#[async_trait]
impl Bus for Twice {
    async fn declare(&self, subscriptions: &[Subscription]) -> Result<(), BusError> {
        self.0.declare(subscriptions).await
    }
    async fn publish(&self, batch: &[Envelope]) -> Result<Vec<Published>, BusError> {
        self.0.publish(batch).await
    }
    async fn subscribe(&self, queue: &str, prefetch: NonZeroUsize) -> Result<Box<dyn Deliveries>, BusError> {
        Ok(Box::new(EachTwice { once: self.0.subscribe(queue, prefetch).await?, again: None }))
    }
    async fn ack(&self, receipts: &[Receipt]) -> Result<(), BusError> {
        self.0.ack(receipts).await
    }
    async fn retry(&self, receipt: &Receipt, after: Duration) -> Result<(), BusError> {
        self.0.retry(receipt, after).await
    }
    async fn park(&self, receipt: &Receipt, reason: &str) -> Result<(), BusError> {
        self.0.park(receipt, reason).await
    }
    async fn parked(&self, queue: &str, after: Option<Uuid>, limit: usize) -> Result<ParkedPage, BusError> {
        self.0.parked(queue, after, limit).await
    }
    async fn parked_event(&self, queue: &str, event_id: Uuid) -> Result<Option<ParkedEvent>, BusError> {
        self.0.parked_event(queue, event_id).await
    }
    async fn replay(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        self.0.replay(queue, event_id).await
    }
    async fn discard(&self, queue: &str, event_id: Uuid) -> Result<bool, BusError> {
        self.0.discard(queue, event_id).await
    }
    async fn depth(&self, queue: &str) -> Result<Depth, BusError> {
        self.0.depth(queue).await
    }
}

/// A service on such a bus, its relay, and the user service.
struct World {
    api: Api,
    people: People,
    sink: Sink,
}

impl World {
    async fn new(time: (Clock, Hand), store: Option<Arc<dyn NotificationStore>>) -> Self {
        let (people, sink) = (People::start().await, Sink::start(Security::Plain).await.unwrap());
        let mail = MailConfig::Smtp(plain(&sink));
        let api = Api::start_over(mail, people.address, time, |bus| Arc::new(Twice(bus)), store).await;
        Self { api, people, sink }
    }

    async fn is_digested(&self) -> bool {
        let depths = [WELCOME_QUEUE, RECEIPTS_QUEUE].map(|queue| self.api.bus.depth(queue));
        let [welcomes, receipts] = depths;
        welcomes.await.unwrap().is_quiet() && receipts.await.unwrap().is_quiet()
    }

    /// Welcomes and receipts, each event twice and then, when it was digested, twice again.
    async fn send_once(mut self) {
        let payer = self.people.join("ada@example.org").await;
        let body = format!(
            r#"{{"user_id":"{payer}","email":"ada@example.org","timestamp":"2023-11-14T22:13:20Z"}}"#
        );
        let events: Vec<_> = (0..COUNT)
            .flat_map(|n| {
                [
                    created(3 * n + 1, body.clone()),
                    captured(3 * n + 2, &capture_in_part(&payer)),
                    refunded(3 * n + 3, &payer),
                ]
            })
            .collect();
        for _ in 0..2 {
            self.api.bus.publish(&events).await.unwrap();
            until(|| self.is_digested()).await;
        }
        let client = self.api.client.clone();
        let listing = async || {
            let (user_id, page_size) = (payer.clone(), 1_000);
            let request = ListNotificationsRequest { user_id, page_size, ..Default::default() };
            client.clone().list_notifications(request).await.unwrap().into_inner().notifications
        };
        until(async || listing().await.iter().all(|found| found.state() == State::Sent)).await;
        let listed = listing().await;
        assert_eq!(listed.len(), events.len());
        assert!(listed.iter().all(|sent| sent.attempts == 1));
        let counts = self.sink.mailbox().counts().await;
        assert_eq!(counts.len(), events.len());
        assert!(counts.values().all(|copies| *copies == 1), "{counts:?}");
        for queue in [WELCOME_QUEUE, RECEIPTS_QUEUE] {
            assert_eq!(self.api.bus.depth(queue).await.unwrap().parked, 0);
        }
        self.api.stop().await;
        self.people.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_takes_each_event_on_once() {
    World::new(Clock::manual(UnixMillis(1_700_000_000_000)), None).await.send_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_takes_each_event_on_once() {
    let cluster = Cluster::new().await;
    World::new(cluster.time(), Some(cluster.store())).await.send_once().await;
}
