//! A provider whose books are what a test says, for what no real one can be made to say.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mesh_events::{
    Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use payment::{
    app::{Books, Driver, Reconciliation},
    domain::{Operation, PaymentMethod, ProviderKey},
    provider::{Answer, Page, Provider, ProviderError, Transaction, Unreadable},
    store::embedded::EmbeddedStore,
};
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use tokio::time::Instant;

use crate::{conformance::support::euro, world::START};

/// Books of so many pages, each under its number.
#[derive(Default)]
pub(super) struct Shelf {
    pages: Vec<Page>,
    /// When the first page was read.
    read: Mutex<Vec<Instant>>,
}

impl Shelf {
    pub(super) fn of(pages: Vec<Page>) -> Self {
        Self { pages, read: Mutex::default() }
    }

    /// When it was read from the beginning.
    pub(super) fn read(&self) -> Vec<Instant> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl Provider for Shelf {
    async fn execute(&self, _: &Operation, _: &PaymentMethod) -> Result<Answer, ProviderError> {
        Err(ProviderError::Unknown("nothing is done here".into()))
    }

    /// Finds what can be read; what cannot is no answer.
    async fn lookup(&self, key: ProviderKey) -> Result<Option<Transaction>, ProviderError> {
        let key = key.to_string();
        if self.pages.iter().any(|page| page.unreadable.iter().any(|unreadable| unreadable.key == key)) {
            return Err(ProviderError::Unknown("it makes no sense".into()));
        }
        let mut all = self.pages.iter().flat_map(|page| &page.transactions);
        Ok(all.find(|transaction| transaction.key == key).cloned())
    }

    async fn list(&self, cursor: Option<String>) -> Result<Page, ProviderError> {
        if cursor.is_none() {
            self.read.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
        }
        let number: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        // Beyond the last there is nothing, and always more of it.
        let beyond = || page(vec![], vec![], Some(number + 1));
        Ok(self.pages.get(number).cloned().unwrap_or_else(beyond))
    }
}

/// A page.
pub(super) fn page(transactions: Vec<Transaction>, unreadable: Vec<Unreadable>, next: Option<usize>) -> Page {
    Page { transactions, unreadable, next: next.map(|next| next.to_string()) }
}

/// What the provider did, of one euro.
pub(super) fn done(key: &str, kind: payment::domain::OperationKind) -> Transaction {
    Transaction { key: key.to_owned(), kind, amount: euro(100), answer: Answer::Settled }
}

/// A store of its own, reconciled with a shelf.
pub(super) struct Desk {
    pub(super) store: EmbeddedStore,
    pub(super) shelf: Arc<Shelf>,
    pub(super) reconciliation: Reconciliation,
    engine: Engine,
    _folder: tempfile::TempDir,
}

impl Desk {
    pub(super) async fn with(shelf: Shelf, every: std::time::Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("payment.redb"), EngineConfig::default()).unwrap();
        let (clock, _) = Clock::manual(START);
        let store = EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap();
        let bus = Arc::new(EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap());
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, _relay) = Relay::new(outbox, bus, RelayConfig::default());
        let books = Books::new(Arc::new(store.clone()), publisher, clock);
        let shelf = Arc::new(shelf);
        let provider: Arc<dyn Provider> = shelf.clone();
        let driver = Driver::new(books.clone(), Arc::clone(&provider), std::time::Duration::ZERO);
        let reconciliation = Reconciliation::new(books, provider, driver.handle(), every);
        Self { store, shelf, reconciliation, engine, _folder: folder }
    }

    pub(super) async fn close(self) {
        self.engine.close().await.unwrap();
    }
}
