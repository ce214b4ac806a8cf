//! What a commit keeps, and what it refuses.

use payment::{
    domain::{Balance, Broken, Direction, Ledger, LedgerError, Outcome, Payment, Phase, State, Transfer},
    store::{Applied, Commit, StoreError},
};

use super::{
    Harness,
    support::{
        authorized, captured, commit, create, euro, euros_of, money, new, request, settle, standing, take,
        user,
    },
};

pub(crate) async fn a_life_is_kept_whole_over_a_reopening<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let id = captured(&*store, 1, euro(100), now).await;
    take(&*store, id, |payment| payment.refund(Some(euro(30)), now)).await.unwrap();
    let before = (standing(&*store, id).await, store.book(euros_of(1)).await.unwrap());
    let harness = harness.reopen().await;
    let store = harness.store();
    assert_eq!((standing(&*store, id).await, store.book(euros_of(1)).await.unwrap()), before);
    settle(&*store, id, Outcome::Settled, now).await;
    let (at, book) = (standing(&*store, id).await, store.book(euros_of(1)).await.unwrap());
    let expected = Balance { captured: 100, refunded: 30, ..Balance::default() };
    assert_eq!((at.payment.state, at.open, at.payment.balance), (State::PartiallyRefunded, None, expected));
    assert_eq!((book.version, at.version, book.balance), (6, 6, expected));
    let mut ledger = Ledger::new(euro(0).currency());
    for entry in store.entries(euros_of(1), 0, 100).await.unwrap() {
        ledger.push(entry.transfer).unwrap();
    }
    assert_eq!(ledger.balance(), book.balance, "the balance is what the transfers add up to");
    let mut told: Vec<_> = harness.events().await.into_iter().map(|event| event.version).collect();
    told.sort_unstable();
    assert_eq!(told, [1, 2, 3, 4, 5, 6], "one event for each commit");
}

pub(crate) async fn a_commit_on_another_version_changes_nothing<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let id = captured(&*store, 1, euro(100), now).await;
    let before = standing(&*store, id).await;
    let refund = before.payment.refund(Some(euro(30)), now).unwrap();
    for version in [0, before.version - 1, before.version + 1, u64::MAX] {
        let refused = store.apply(euros_of(1), version, commit(refund.clone(), request("r", ""))).await;
        assert!(matches!(refused, Err(StoreError::Stale)), "{version}: {refused:?}");
    }
    // Another payment moves the book on.
    create(&*store, new(2, euro(1), now), None, now).await.unwrap();
    let refused = store.apply(euros_of(1), before.version, commit(refund, request("r", ""))).await;
    assert!(matches!(refused, Err(StoreError::Stale)), "{refused:?}");
    let after = standing(&*store, id).await;
    assert_eq!((after.payment, after.open), (before.payment, before.open));
    assert_eq!(store.entries(euros_of(1), 0, 100).await.unwrap().len(), 2);
    assert_eq!(harness.events().await.len(), 5);
    assert_eq!(store.recall(&request("r", "").unwrap()).await.unwrap(), None);
}

pub(crate) async fn a_step_that_breaks_a_rule_changes_nothing<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let id = captured(&*store, 1, euro(100), now).await;
    let (before, book) = (standing(&*store, id).await, store.book(euros_of(1)).await.unwrap());
    let mut step = before.payment.refund(Some(euro(30)), now).unwrap();
    step.payment.balance.refunding = 29;
    let forged = Commit { step, request: request("r", ""), event: None };
    let refused = store.apply(euros_of(1), before.version, forged).await;
    assert!(matches!(refused, Err(StoreError::Broken(Broken::Balance))), "{refused:?}");
    let harness = harness.reopen().await;
    let store = harness.store();
    assert_eq!(standing(&*store, id).await, before);
    assert_eq!(store.book(euros_of(1)).await.unwrap(), book);
    assert_eq!(store.open_operations(None, 10).await.unwrap(), []);
    assert_eq!(store.recall(&request("r", "").unwrap()).await.unwrap(), None);
}

pub(crate) async fn a_pending_transfer_is_resolved_once<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let id = authorized(&*store, 1, euro(100), now).await;
    take(&*store, id, |payment| payment.capture(Some(euro(60)), now)).await.unwrap();
    let at = standing(&*store, id).await;
    let step = at.payment.settle(&at.open.unwrap(), Outcome::Settled, now).unwrap();
    assert!(matches!(step.transfer.unwrap().phase(), Phase::Post(_)));
    let first = store.apply(euros_of(1), at.version, commit(step.clone(), None)).await.unwrap();
    let again = store.apply(euros_of(1), at.version, commit(step.clone(), None)).await;
    assert!(matches!(again, Err(StoreError::Stale)), "{again:?}");
    assert_eq!(first, Applied::Now { version: at.version + 1 });
    let again = store.apply(euros_of(1), at.version + 1, commit(step, None)).await;
    assert!(matches!(again, Err(StoreError::Broken(_))), "{again:?}");
    assert_eq!(store.book(euros_of(1)).await.unwrap().balance.captured, 60);
    // Two refunds of the same amount: the second must not end by resolving what the first reserved.
    take(&*store, id, |payment| payment.refund(Some(euro(30)), now)).await.unwrap();
    let first = standing(&*store, id).await.open.unwrap().key;
    settle(&*store, id, Outcome::Settled, now).await;
    take(&*store, id, |payment| payment.refund(Some(euro(30)), now)).await.unwrap();
    let at = standing(&*store, id).await;
    let mut step = at.payment.settle(&at.open.unwrap(), Outcome::Settled, now).unwrap();
    let own = step.transfer.unwrap();
    let moved = Transfer::new(own.operation(), Phase::Post(first), Direction::Refund, own.amount(), now);
    step.transfer = moved.ok();
    let twice = store.apply(euros_of(1), at.version, commit(step, None)).await;
    assert!(matches!(twice, Err(StoreError::Broken(Broken::Ledger(LedgerError::NotPending)))), "{twice:?}");
    assert_eq!(store.book(euros_of(1)).await.unwrap().balance.refunding, 30);
}

pub(crate) async fn an_id_belongs_to_one_book<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    create(&*store, new(1, euro(100), now), None, now).await.unwrap();
    let mut strangers = new(1, euro(100), now);
    strangers.user = user(2);
    for taken in [strangers, new(1, money(100, "USD"), now), new(1, euro(100), now)] {
        let refused = create(&*store, taken, None, now).await;
        assert!(matches!(refused, Err(StoreError::Broken(Broken::NotTheNext))), "{refused:?}");
    }
    // A step of one book cannot be kept in another.
    let step = Payment::create(new(2, money(1, "USD"), now), now).unwrap();
    let refused = store.apply(euros_of(1), 1, commit(step, None)).await;
    assert!(matches!(refused, Err(StoreError::Broken(Broken::NotTheNext))), "{refused:?}");
}
