//! Repeated requests.

use payment::{
    domain::{Outcome, ProviderKey},
    store::{Applied, StoreError},
};
use service_kit::requests::REMEMBERED;

use super::{
    Harness,
    support::{captured, commit, create, declined, euro, euros_of, id, new, request, settle, standing},
};

pub(crate) async fn a_repeat_gets_the_first_operation<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let id = captured(&*store, 1, euro(100), now).await;
    let at = standing(&*store, id).await;
    let refund = commit(at.payment.refund(Some(euro(30)), now).unwrap(), request("r", "30"));
    let done = store.apply(euros_of(1), at.version, refund.clone()).await.unwrap();
    assert_eq!(done, Applied::Now { version: at.version + 1 });
    settle(&*store, id, declined(), now).await;
    let harness = harness.reopen().await;
    let store = harness.store();
    let before = (standing(&*store, id).await, harness.events().await.len());
    let key = ProviderKey { payment: id, seq: 3 };
    let again = store.apply(euros_of(1), at.version, refund).await.unwrap();
    assert_eq!(again, Applied::Before(key));
    assert_eq!(store.recall(&request("r", "30").unwrap()).await.unwrap(), Some(key));
    let outcome = store.operation(key).await.unwrap().unwrap().outcome;
    assert_eq!(outcome, Some(declined()), "a refusal of the provider is an answer, too");
    let after = (standing(&*store, id).await, harness.events().await.len());
    assert_eq!(after, before, "a repeat changes nothing and tells nothing");
}

pub(crate) async fn another_content_is_refused<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    create(&*store, new(1, euro(100), now), request("r", "one"), now).await.unwrap();
    let refused = create(&*store, new(2, euro(200), now), request("r", "two"), now).await;
    assert!(matches!(refused, Err(StoreError::RequestReused)), "{refused:?}");
    let recalled = store.recall(&request("r", "two").unwrap()).await;
    assert!(matches!(recalled, Err(StoreError::RequestReused)), "{recalled:?}");
    assert_eq!(store.payment(id(2, now)).await.unwrap(), None);
}

pub(crate) async fn a_refused_commit_is_not_remembered<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    create(&*store, new(1, euro(100), now), None, now).await.unwrap();
    let taken = create(&*store, new(1, euro(100), now), request("r", ""), now).await;
    assert!(matches!(taken, Err(StoreError::Broken(_))), "{taken:?}");
    assert_eq!(store.recall(&request("r", "").unwrap()).await.unwrap(), None);
    let done = create(&*store, new(2, euro(100), now), request("r", ""), now).await.unwrap();
    assert_eq!(done, Applied::Now { version: 2 });
}

pub(crate) async fn a_forgotten_request_is_new<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    create(&*store, new(1, euro(100), now), request("r", "one"), now).await.unwrap();
    harness.advance(REMEMBERED);
    assert_eq!(store.recall(&request("r", "one").unwrap()).await.unwrap(), None);
    let later = create(&*store, new(2, euro(200), now), request("r", "two"), now).await.unwrap();
    assert_eq!(later, Applied::Now { version: 2 });
    settle(&*store, id(1, now), Outcome::Settled, harness.now()).await;
}
