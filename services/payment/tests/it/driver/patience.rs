//! How often a provider is asked that never answers, on tokio's paused clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mesh_events::{
    Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use payment::{
    app::{Books, Driver},
    domain::{Operation, PaymentMethod, ProviderKey},
    provider::{Answer, Page, Provider, ProviderError, Transaction},
    store::{PaymentStore, embedded::EmbeddedStore},
};
use service_kit::{
    clock::{Clock, UnixMillis},
    embedded::{Engine, EngineConfig},
};
use tokio_util::sync::CancellationToken;

use crate::conformance::support::{create, euro, new};

/// A provider that never answers. Only its being asked is counted: a real one that is down cannot be.
#[derive(Default)]
struct Dead(AtomicUsize);

impl Dead {
    fn ask<T>(&self) -> Result<T, ProviderError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(ProviderError::Unknown("nobody is there".into()))
    }
}

#[async_trait]
impl Provider for Dead {
    async fn execute(&self, _: &Operation, _: &PaymentMethod) -> Result<Answer, ProviderError> {
        self.ask()
    }

    async fn lookup(&self, _: ProviderKey) -> Result<Option<Transaction>, ProviderError> {
        self.ask()
    }

    async fn list(&self, _: Option<String>) -> Result<Page, ProviderError> {
        self.ask()
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_provider_is_asked_less_and_less_often() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
    let (clock, _hand) = Clock::manual(UnixMillis(1_000_000));
    let store = Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap());
    let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
    let outbox = Arc::new(EmbeddedOutbox::new(engine));
    let (publisher, _relay) = Relay::new(outbox, Arc::new(bus), RelayConfig::default());
    for n in 0..20 {
        create(&*store, new(n, euro(100), clock.now()), None, clock.now()).await.unwrap();
    }
    let provider = Arc::new(Dead::default());
    let books = Books::new(Arc::clone(&store) as Arc<dyn PaymentStore>, publisher, clock);
    let driver = Driver::new(books, Arc::clone(&provider) as Arc<dyn Provider>, Duration::from_secs(86_400));
    let stop = CancellationToken::new();
    let running = tokio::spawn(driver.run(stop.clone()));

    tokio::time::sleep(Duration::from_secs(600)).await;
    let first = provider.0.load(Ordering::SeqCst);
    assert!((20 * 4..20 * 60).contains(&first), "{first} times in the first ten minutes");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let second = provider.0.load(Ordering::SeqCst) - first;
    assert!(second > 0 && second < first, "{second} after {first}");
    stop.cancel();
    running.await.unwrap();
    assert_eq!(store.open_operations(None, 100).await.unwrap().len(), 20, "nothing was made up");
}
