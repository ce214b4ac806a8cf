//! The embedded store under the conformance suite.

use std::{sync::Arc, time::Duration};

use payment::store::{PaymentStore, embedded::EmbeddedStore};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    embedded::{Engine, EngineConfig},
};
use tempfile::TempDir;

use crate::conformance::{Harness, conformance};

/// A store in a folder of its own, under a clock that stands still.
pub(crate) struct Embedded {
    folder: TempDir,
    engine: Engine,
    store: Arc<EmbeddedStore>,
    clock: Clock,
    hand: Hand,
}

impl Embedded {
    async fn open(folder: TempDir, clock: Clock, hand: Hand) -> Self {
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let store = Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap());
        Self { folder, engine, store, clock, hand }
    }
}

impl Harness for Embedded {
    async fn new() -> Self {
        let (clock, hand) = Clock::manual(UnixMillis(1_000_000));
        Self::open(tempfile::tempdir().unwrap(), clock, hand).await
    }

    fn store(&self) -> Arc<dyn PaymentStore> {
        Arc::clone(&self.store) as Arc<dyn PaymentStore>
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn advance(&self, duration: Duration) {
        self.hand.advance(duration);
    }

    async fn reopen(self) -> Self {
        self.engine.close().await.unwrap();
        Self::open(self.folder, self.clock, self.hand).await
    }

    async fn events(&self) -> Vec<mesh_events::Envelope> {
        use mesh_events::Outbox as _;
        let outbox = mesh_events::embedded::EmbeddedOutbox::new(self.engine.clone());
        outbox.pending(Duration::ZERO, None, 10_000).await.unwrap()
    }
}

conformance!(crate::embedded::Embedded);
