//! The whole way, from a state change to an effect, on one file.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use mesh_events::{
    Bus, Consumer, ConsumerConfig, Envelope, EventKind, HandleError, Handler, Outbox, Outcome, Relay,
    RelayConfig, Subscription,
    conformance::{BusHarness, OutboxHarness},
    embedded::EmbeddedOutbox,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use super::conformance::Embedded;

const CREATED: EventKind = EventKind::from_static("user.created");

fn event(n: u64) -> Envelope {
    Envelope {
        id: Uuid::from_u128(n.into()),
        kind: CREATED,
        subject: Uuid::from_u128(n.into()),
        version: 1,
        occur_time_ms: 1_700_000_000_000 + n,
        body: b"{}".as_slice().into(),
        traceparent: None,
    }
}

#[tokio::test]
async fn publishing_takes_the_event_out_of_the_outbox_in_the_same_transaction() {
    let embedded = <Embedded as BusHarness>::start().await;
    embedded.bus.declare(&[Subscription::new("q", [CREATED])]).await.unwrap();
    embedded.append(&event(1)).await;
    let before = embedded.engine.stats().commits;
    let published = embedded.bus.publish(&[event(1), event(2)]).await.unwrap();
    assert_eq!(embedded.engine.stats().commits, before + 1);
    assert!(published.iter().all(|published| published.outcome == Outcome::Accepted));
    assert_eq!(published.iter().map(|published| published.is_marked).collect::<Vec<_>>(), [true, false]);
    assert_eq!(EmbeddedOutbox::new(embedded.engine.clone()).depth().await.unwrap(), 0);
}

/// Counts how often each event was handled.
#[derive(Default)]
struct Counter(Mutex<BTreeMap<u128, u32>>);

#[async_trait]
impl Handler for Counter {
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        *self.0.lock().unwrap().entry(event.id.as_u128()).or_default() += 1;
        Ok(())
    }
}

/// Leftovers of an earlier run, offered ones, and ones whose offer was lost; two queues; a stop in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_committed_event_is_handled_once_by_each_consumer() {
    let embedded = <Embedded as BusHarness>::start().await;
    let bus: Arc<dyn Bus> = Arc::new(embedded.bus.clone());
    let outbox: Arc<dyn Outbox> = embedded.outbox();
    let queues = ["first", "second"].map(|queue| Subscription::new(queue, [CREATED]));
    bus.declare(&queues).await.unwrap();
    for n in 0..40 {
        embedded.append(&event(n)).await;
    }

    let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
    let (publisher, relay) = Relay::new(outbox, Arc::clone(&bus), RelayConfig::default());
    tasks.spawn(relay.run(shutdown.clone()));
    let counters = queues.map(|queue| {
        let counter = Arc::new(Counter::default());
        let handler = Arc::clone(&counter) as Arc<dyn Handler>;
        let consumer = Consumer::new(Arc::clone(&bus), queue, handler, ConsumerConfig::default());
        tasks.spawn(consumer.run(shutdown.clone()));
        counter
    });
    for n in 40..90 {
        embedded.append(&event(n)).await;
        if n % 3 > 0 {
            publisher.offer(event(n));
        }
    }

    let is_done = || async {
        let outbox = EmbeddedOutbox::new(embedded.engine.clone()).depth().await.unwrap();
        outbox == 0 && embedded.bus.is_quiet()
    };
    while !is_done().await {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    tasks.close();
    tasks.wait().await;
    let once: BTreeMap<u128, u32> = (0..90).map(|n| (n, 1)).collect();
    for counter in counters {
        assert_eq!(*counter.0.lock().unwrap(), once);
    }
}
