//! The driver on the real store, with a provider that says what a test has it say.

mod drain;
mod refusals;
mod waits;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mesh_events::{
    Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use service_kit::{
    clock::{Clock, UnixMillis},
    embedded::{Engine, EngineConfig},
    requests::Request,
};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::desk::Desk;
use crate::{
    app::{Books, Kept},
    domain::{
        Currency, Money, NewPayment, Operation, Payment, PaymentId, PaymentMethod, ProviderKey, State, UserId,
    },
    provider::{Answer, Page, Provider, ProviderError, Transaction},
    store::{PaymentStore, Standing, embedded::EmbeddedStore},
};

const NOW: UnixMillis = UnixMillis(1_000_000);

/// The longest that anything is waited for, before a test fails.
const FOR_EVER: Duration = Duration::from_secs(60);

/// A provider that says what it was told to, and nothing when that is all said. A real one cannot be made to.
pub(super) struct Scripted {
    says: Mutex<VecDeque<Result<Answer, ProviderError>>>,
    /// How often it was asked for an operation or looked one up.
    asked: AtomicUsize,
    /// Only as many answers come as there are permits.
    gate: Semaphore,
}

impl Scripted {
    fn new(says: impl IntoIterator<Item = Result<Answer, ProviderError>>) -> Arc<Self> {
        let (says, asked) = (Mutex::new(says.into_iter().collect()), AtomicUsize::new(0));
        Arc::new(Self { says, asked, gate: Semaphore::new(Semaphore::MAX_PERMITS) })
    }

    /// One that does not answer before the gate is opened.
    fn silent(says: impl IntoIterator<Item = Result<Answer, ProviderError>>) -> Arc<Self> {
        let provider = Self::new(says);
        provider.gate.forget_permits(Semaphore::MAX_PERMITS);
        provider
    }

    fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn unknown() -> ProviderError {
    ProviderError::Unknown("nobody is there".into())
}

fn not_done() -> ProviderError {
    ProviderError::NotDone("NOT_POSSIBLE".to_owned())
}

#[async_trait]
impl Provider for Scripted {
    async fn execute(&self, _: &Operation, _: &PaymentMethod) -> Result<Answer, ProviderError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.gate.acquire().await.unwrap().forget();
        self.says.lock().unwrap().pop_front().unwrap_or_else(|| Err(unknown()))
    }

    async fn lookup(&self, _: ProviderKey) -> Result<Option<Transaction>, ProviderError> {
        Ok(None)
    }

    async fn list(&self, _: Option<String>) -> Result<Page, ProviderError> {
        Err(unknown())
    }
}

/// A desk on a store of its own, which nobody sweeps.
pub(super) struct Bench {
    pub(super) desk: Arc<Desk>,
    pub(super) books: Books,
    engine: Engine,
    _folder: TempDir,
}

impl Bench {
    pub(super) async fn new(provider: Arc<Scripted>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
        let (clock, _hand) = Clock::manual(NOW);
        let store = EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap();
        let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
        let outbox = Arc::new(EmbeddedOutbox::new(engine.clone()));
        let (publisher, _relay) = Relay::new(outbox, Arc::new(bus), RelayConfig::default());
        let books = Books::new(Arc::new(store) as Arc<dyn PaymentStore>, publisher, clock);
        let desk = Arc::new(Desk::new(books.clone(), provider, Duration::from_secs(86_400)));
        Self { desk, books, engine, _folder: folder }
    }

    /// The `n`th payment, just begun, by a user of its own.
    pub(super) async fn begun(&self, n: u128) -> Standing {
        let new = NewPayment {
            id: PaymentId(Uuid::from_u128(n)),
            user: UserId(Uuid::from_u128(n)),
            amount: Money::new(100, Currency::restore("EUR").unwrap()),
            method: PaymentMethod::restore("tok".to_owned()),
            is_immediate: false,
            expires: NOW.after(Duration::from_secs(3_600)),
        };
        let request = Request::new("test", &n.to_string(), &[]).unwrap().unwrap();
        match self.books.create(Payment::create(new, NOW).unwrap(), request).await {
            Ok(Kept::Now(at)) => *at,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the payment is in this state.
    async fn until(&self, id: PaymentId, state: State) -> Payment {
        let wait = async {
            loop {
                let payment = self.books.standing(id).await.unwrap().payment;
                if payment.state == state {
                    return payment;
                }
                assert!(!payment.state.is_final(), "{payment:?}");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(FOR_EVER, wait).await.expect("the payment never came to the state")
    }
}
