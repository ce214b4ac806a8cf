//! Many at once.

use payment::{
    domain::{Money, Outcome, PaymentId, ProviderKey, Refusal, Refused, State},
    store::{Applied, PaymentStore, StoreError},
};
use service_kit::clock::UnixMillis;

use super::{
    Harness,
    support::{captured, commit, create, euro, euros_of, id, new, request, standing},
};

pub(crate) async fn one_of_many_commits_wins_a_version<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let id = captured(&*store, 1, euro(100), now).await;
    let at = standing(&*store, id).await;
    let racers: Vec<_> = (1..=16)
        .map(|minor| {
            let (store, at) = (store.clone(), at.clone());
            let step = at.payment.refund(Some(euro(minor)), now).unwrap();
            tokio::spawn(async move { store.apply(euros_of(1), at.version, commit(step, None)).await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        match racer.await.unwrap() {
            Ok(applied) => {
                assert_eq!(applied, Applied::Now { version: at.version + 1 });
                won += 1;
            }
            Err(error) => assert!(matches!(error, StoreError::Stale), "{error:?}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(store.entries(euros_of(1), 0, 100).await.unwrap().len(), 3);
}

pub(crate) async fn one_of_many_repeats_creates_the_payment<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let racers: Vec<_> = (0..16)
        .map(|n| {
            let store = store.clone();
            let first = create_blindly(store, n, now);
            tokio::spawn(first)
        })
        .collect();
    let (mut made, mut repeated) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            (id, Applied::Now { version }) => made.push((id, version)),
            (_, Applied::Before(key)) => repeated.push(key),
        }
    }
    let [(winner, 1)] = made[..] else { panic!("{made:?}") };
    assert_eq!(repeated, [ProviderKey { payment: winner, seq: 1 }; 15]);
    assert_eq!(store.open_operations(None, 100).await.unwrap().len(), 1, "the provider is asked once");
    assert_eq!(harness.events().await.len(), 1);
}

/// A creation under a request that others make, too, each with an id of its own.
async fn create_blindly(
    store: std::sync::Arc<dyn PaymentStore>,
    n: u64,
    now: UnixMillis,
) -> (PaymentId, Applied) {
    loop {
        match create(&*store, new(n, euro(100), now), request("create", "100 EUR"), now).await {
            Err(StoreError::Stale) => {}
            applied => return (id(n, now), applied.unwrap()),
        }
    }
}

pub(crate) async fn refunds_above_what_was_captured_are_refused_under_concurrency<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let id = captured(&*store, 1, euro(100), now).await;
    // Payments beside it in the same book make every racer stale now and then, and must not lend it money.
    captured(&*store, 2, euro(1_000), now).await;
    let racers: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { refund_stubbornly(&*store, id, euro(30), now).await })
        })
        .collect();
    let mut refunded = 0;
    for racer in racers {
        refunded += usize::from(racer.await.unwrap());
    }
    assert_eq!(refunded, 3, "a fourth 30 of 100 would be above what was captured");
    let at = standing(&*store, id).await;
    assert_eq!((at.payment.state, at.payment.balance.refunded), (State::PartiallyRefunded, 90));
    assert_eq!(store.book(euros_of(1)).await.unwrap().balance.available(), 1_010);
}

/// Refunds, reading and deciding again as often as others come first; whether it was done in the end.
pub(crate) async fn refund_stubbornly(
    store: &dyn PaymentStore,
    id: PaymentId,
    amount: Money,
    now: UnixMillis,
) -> bool {
    loop {
        let at = standing(store, id).await;
        let step = match at.payment.refund(Some(amount), now) {
            Ok(step) => step,
            Err(Refused::State(Refusal::Busy)) => {
                tokio::task::yield_now().await;
                continue;
            }
            Err(Refused::AboveCaptured | Refused::State(Refusal::Final)) => return false,
            Err(refused) => panic!("{refused:?}"),
        };
        let open = step.opened.clone().unwrap();
        match store.apply(at.payment.book(), at.version, commit(step, None)).await {
            Ok(_) => {}
            Err(StoreError::Stale) => continue,
            Err(error) => panic!("{error:?}"),
        }
        // The refund is ours; others can only move the book on.
        loop {
            let at = standing(store, id).await;
            let step = at.payment.settle(&open, Outcome::Settled, now).unwrap();
            match store.apply(at.payment.book(), at.version, commit(step, None)).await {
                Ok(_) => return true,
                Err(StoreError::Stale) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}
