//! How often a provider is asked that never answers, on tokio's paused clock.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use payment::{
    app::Driver,
    domain::{Operation, PaymentMethod, ProviderKey},
    provider::{Answer, Page, Provider, ProviderError, Transaction},
};
use tokio_util::sync::CancellationToken;

use super::{alone::Alone, steady::Steady};
use crate::conformance::support::{create, euro, id, new};

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
    let alone = Alone::with(Steady).await;
    let (store, now) = (&*alone.store, alone.clock.now());
    for n in 0..20 {
        create(store, new(n, euro(100), now), None, now).await.unwrap();
    }
    let provider = Arc::new(Dead::default());
    let driver =
        Driver::new(alone.books(), Arc::clone(&provider) as Arc<dyn Provider>, Duration::from_secs(86_400));
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

/// How often the provider is asked about one payment in ten minutes, when somebody hints every `pause`.
async fn asked_about_one(pause: Duration) -> usize {
    let alone = Alone::with(Steady).await;
    let now = alone.clock.now();
    create(&*alone.store, new(1, euro(100), now), None, now).await.unwrap();
    let provider = Arc::new(Dead::default());
    let driver =
        Driver::new(alone.books(), Arc::clone(&provider) as Arc<dyn Provider>, Duration::from_secs(86_400));
    let (handle, stop) = (driver.handle(), CancellationToken::new());
    let running = tokio::spawn(driver.run(stop.clone()));
    let hints = async {
        loop {
            tokio::time::sleep(pause).await;
            handle.hint(id(1, now));
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(600), hints).await.is_err());
    stop.cancel();
    running.await.unwrap();
    provider.0.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn hints_shorten_a_wait_but_not_below_its_floor() {
    let seldom = asked_about_one(Duration::from_secs(3_600)).await;
    let often = asked_about_one(Duration::from_millis(100)).await;
    assert!(seldom < 60, "{seldom} times without hints");
    // Once in five seconds, but for the first few times, and those when the wait is shorter anyway.
    assert!((110..160).contains(&often), "{often} times");
}
