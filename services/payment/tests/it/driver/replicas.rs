//! Two services on one store: neither knows the other, and the store alone says who came first.

use std::sync::Arc;

use mesh_events::{
    Publisher, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use payment::{
    app::{Books, Kept, StepError},
    domain::{Outcome, Payment, State},
    store::{PaymentStore, StoreError, embedded::EmbeddedStore},
};
use service_kit::{
    clock::{Clock, UnixMillis},
    embedded::{Engine, EngineConfig},
};

use crate::conformance::support::{euro, euros_of, new, request};

/// Authorizes one payment and says so, coming again whenever others were quicker every time.
async fn authorize(books: Books, n: u64, now: UnixMillis) {
    let step = Payment::create(new(n, euro(10), now), now).unwrap();
    let request = request(&format!("create {n}"), "").unwrap();
    let at = loop {
        match books.create(step.clone(), request.clone()).await {
            Ok(Kept::Now(at)) => break at,
            Err(StoreError::Stale) => {}
            other => panic!("{other:?}"),
        }
    };
    loop {
        let settle = books.step((*at).clone(), None, |at, now| {
            at.payment.settle(at.open.as_ref().unwrap(), Outcome::Settled, now)
        });
        match settle.await {
            Ok(Kept::Now(at)) => return assert_eq!(at.payment.state, State::Authorized),
            Err(StepError::Store(StoreError::Stale)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_services_on_one_book_lose_nothing_of_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
    let (clock, _hand) = Clock::manual(UnixMillis(1_000_000));
    let store: Arc<dyn PaymentStore> =
        Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap());
    let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
    let outbox = Arc::new(EmbeddedOutbox::new(engine));
    let (publisher, _relay): (Publisher, Relay) = Relay::new(outbox, Arc::new(bus), RelayConfig::default());
    let replicas: Vec<_> =
        (0..2).map(|_| Books::new(Arc::clone(&store), publisher.clone(), clock.clone())).collect();
    let now = clock.now();
    let work: Vec<_> = (0..40)
        .map(|n| tokio::spawn(authorize(replicas[usize::try_from(n % 2).unwrap()].clone(), n, now)))
        .collect();
    for payment in work {
        payment.await.unwrap();
    }
    let book = store.book(euros_of(1)).await.unwrap();
    assert_eq!((book.version, book.balance.held), (80, 400));
    assert_eq!(store.open_operations(None, 1).await.unwrap(), []);
}
