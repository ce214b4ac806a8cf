//! Books without a service around them.

use std::sync::Arc;

use mesh_events::{
    Publisher, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use payment::{
    app::Books,
    store::{PaymentStore, embedded::EmbeddedStore},
};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;

/// A store of its own, under a clock that stands still, whose events nobody relays.
pub(crate) struct Alone {
    pub(crate) store: Arc<dyn PaymentStore>,
    pub(crate) clock: Clock,
    publisher: Publisher,
    _hand: Hand,
    _folder: TempDir,
}

impl Alone {
    pub(crate) async fn with<S: PaymentStore>(store: impl FnOnce(EmbeddedStore) -> S) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let (clock, hand) = Clock::manual(UnixMillis(1_000_000));
        let kept = EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap();
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
        let outbox = Arc::new(EmbeddedOutbox::new(engine));
        let (publisher, _relay) = Relay::new(outbox, Arc::new(bus), RelayConfig::default());
        let store = Arc::new(store(kept)) as Arc<dyn PaymentStore>;
        Self { store, clock, publisher, _hand: hand, _folder: folder }
    }

    /// The books of one more service on the store.
    pub(crate) fn books(&self) -> Books {
        Books::new(Arc::clone(&self.store), self.publisher.clone(), self.clock.clone())
    }
}
