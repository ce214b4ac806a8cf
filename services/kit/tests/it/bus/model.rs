//! Random histories against a model: whatever happens to an event, it is somewhere, and only there.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    time::Duration,
};

use mesh_events::{
    Bus, Deliveries, Delivery, Envelope, EventKind, Outcome, Subscription,
    conformance::{BusHarness, QUEUE_EVENTS_MAX, Stop},
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use uuid::Uuid;

use super::conformance::Embedded;

const QUEUE: &str = "q";
const CREATED: EventKind = EventKind::from_static("user.created");
const STEPS: usize = 120;

/// Where the model believes an event to be. An event that is out is `Queued` as well: it may come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Queued,
    Waiting,
    Parked,
    Gone,
}

struct History {
    rng: StdRng,
    embedded: Embedded,
    deliveries: Option<Box<dyn Deliveries>>,
    out: Vec<Delivery>,
    places: BTreeMap<u64, Place>,
    next: u64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_loses_an_event_or_brings_one_back() {
    for seed in 0..24 {
        let embedded = <Embedded as BusHarness>::start().await;
        embedded.bus.declare(&[Subscription::new(QUEUE, [CREATED])]).await.unwrap();
        let mut history = History {
            rng: StdRng::seed_from_u64(seed),
            embedded,
            deliveries: None,
            out: Vec::new(),
            places: BTreeMap::new(),
            next: 0,
        };
        for step in 0..STEPS {
            history = history.step().await;
            history.check(&format!("seed {seed}, step {step}")).await;
        }
        history.drain(seed).await;
    }
}

fn event(n: u64) -> Envelope {
    Envelope {
        id: Uuid::from_u128(n.into()),
        kind: CREATED,
        subject: Uuid::nil(),
        version: n,
        occur_time_ms: n,
        body: b"{}".as_slice().into(),
        traceparent: None,
    }
}

// === impl History ===

impl History {
    async fn step(mut self) -> Self {
        match self.rng.random_range(0..100) {
            0..20 => self.publish().await,
            20..55 => self.take().await,
            55..85 => self.settle().await,
            85..90 => self.operate().await,
            90..94 => self.embedded.pass(Duration::from_secs(self.rng.random_range(1..30))).await,
            94..97 => self.unsubscribe(),
            _ => return self.restart().await,
        }
        self
    }

    async fn publish(&mut self) {
        let count = self.rng.random_range(1..8);
        let batch: Vec<_> = (self.next..self.next + count).map(event).collect();
        self.next += count;
        let published = self.embedded.bus.publish(&batch).await.unwrap();
        for (envelope, published) in batch.iter().zip(published) {
            if published.outcome == Outcome::Accepted {
                self.places.insert(envelope.version, Place::Queued);
            } else {
                let held = self.places.values().filter(|place| **place != Place::Gone).count();
                assert_eq!((published.outcome, held as u64), (Outcome::QueueFull, QUEUE_EVENTS_MAX));
            }
        }
    }

    /// Takes a delivery, unless there is none for now.
    async fn take(&mut self) {
        if self.deliveries.is_none() {
            let prefetch = NonZeroUsize::new(self.rng.random_range(1..12)).unwrap();
            self.deliveries = Some(self.embedded.bus.subscribe(QUEUE, prefetch).await.unwrap());
        }
        let deliveries = self.deliveries.as_mut().unwrap();
        // A wait that is given up too early is another history, and as good as this one.
        if let Ok(next) = tokio::time::timeout(Duration::from_millis(5), deliveries.next()).await {
            let delivery = next.unwrap().unwrap();
            self.delivered(&delivery);
            self.out.push(delivery);
        }
    }

    fn delivered(&mut self, delivery: &Delivery) {
        let n = delivery.envelope.version;
        assert_eq!(delivery.envelope, event(n));
        assert!(self.out.iter().all(|out| out.envelope.version != n), "{n} is out twice");
        let place = self.places.insert(n, Place::Queued);
        assert!(matches!(place, Some(Place::Queued | Place::Waiting)), "{n} came from {place:?}");
    }

    async fn settle(&mut self) {
        if self.out.is_empty() {
            return;
        }
        let delivery = self.out.swap_remove(self.rng.random_range(0..self.out.len()));
        let (bus, receipt) = (&self.embedded.bus, &delivery.receipt);
        let place = match self.rng.random_range(0..10) {
            0..6 => {
                bus.ack(std::slice::from_ref(receipt)).await.unwrap();
                Place::Gone
            }
            6..9 => {
                bus.retry(receipt, Duration::from_secs(self.rng.random_range(0..20))).await.unwrap();
                Place::Waiting
            }
            _ => {
                bus.park(receipt, "chance").await.unwrap();
                Place::Parked
            }
        };
        self.places.insert(delivery.envelope.version, place);
    }

    /// Replays or discards a parked event.
    async fn operate(&mut self) {
        let parked = self.in_place(Place::Parked);
        let Some(&n) = parked.choose(&mut self.rng) else { return };
        let (bus, id) = (&self.embedded.bus, event(n).id);
        let place = if self.rng.random_bool(0.7) {
            assert!(bus.replay(QUEUE, id).await.unwrap());
            Place::Queued
        } else {
            assert!(bus.discard(QUEUE, id).await.unwrap());
            Place::Gone
        };
        self.places.insert(n, place);
    }

    fn unsubscribe(&mut self) {
        self.deliveries = None;
        self.out.clear();
    }

    async fn restart(mut self) -> Self {
        self.unsubscribe();
        let stop = if self.rng.random_bool(0.5) { Stop::Clean } else { Stop::Kill };
        Self { embedded: self.embedded.restart(stop).await, ..self }
    }

    fn in_place(&self, place: Place) -> Vec<u64> {
        self.places.iter().filter(|(_, other)| **other == place).map(|(n, _)| *n).collect()
    }

    async fn check(&self, when: &str) {
        let depth = self.embedded.bus.depth(QUEUE).await.unwrap();
        let count = |place| self.in_place(place).len() as u64;
        // A waiting event whose time came moves when somebody looks, so the two are told together.
        let live = count(Place::Queued) + count(Place::Waiting);
        assert_eq!(depth.ready + depth.leased + depth.waiting, live, "{when}: {depth:?}");
        assert_eq!(depth.parked, count(Place::Parked), "{when}: {depth:?}");
        assert_eq!(depth.leased, self.out.len() as u64, "{when}: {depth:?}");
        let page = self.embedded.bus.parked(QUEUE, None, 1000).await.unwrap();
        let listed: Vec<_> = page.events.iter().map(|parked| parked.envelope.version).collect();
        assert_eq!(listed, self.in_place(Place::Parked), "{when}");
    }

    /// In the end everything that is neither gone nor parked comes, once.
    async fn drain(mut self, seed: u64) {
        self = self.restart().await;
        self.embedded.pass(Duration::from_secs(3600)).await;
        let mut expected: BTreeSet<_> = self.in_place(Place::Queued).into_iter().collect();
        expected.extend(self.in_place(Place::Waiting));
        let prefetch = NonZeroUsize::new(16).unwrap();
        let mut deliveries = self.embedded.bus.subscribe(QUEUE, prefetch).await.unwrap();
        while !expected.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(60), deliveries.next()).await;
            let delivery =
                next.unwrap_or_else(|_| panic!("seed {seed}: lost {expected:?}")).unwrap().unwrap();
            assert!(expected.remove(&delivery.envelope.version), "seed {seed}: {delivery:?} comes again");
            self.embedded.bus.ack(&[delivery.receipt]).await.unwrap();
        }
        assert!(self.embedded.bus.is_quiet());
    }
}
