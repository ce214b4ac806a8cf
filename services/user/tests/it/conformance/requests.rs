//! Repeated requests.

use service_kit::requests::REMEMBERED;
use user::{
    domain::User,
    store::{Answer, Committed, StoreError},
};

use super::{Harness, by_id, create, delete, person, replace, request};

pub(crate) async fn a_repeat_gets_the_first_answer<H: Harness>(harness: H) {
    let user = person(1, "a@b.de", harness.now());
    let first = request("r", "content");
    create(&*harness.store(), &user, first.clone()).await.unwrap();
    let changed = User { version: 2, ..user.clone() };
    replace(&*harness.store(), &changed, None).await.unwrap();
    let harness = harness.reopen().await;
    let store = harness.store();
    assert_eq!(create(&*store, &user, first.clone()).await.unwrap(), Committed::before(user.clone()));
    assert_eq!(store.recall(&first.unwrap()).await.unwrap(), Some(Answer::User(user.clone())));
    assert_eq!(by_id(&*store, user.id).await, Some(changed), "a repeat changes nothing");
    assert_eq!(harness.events().await.len(), 2, "a repeat tells nothing");
}

pub(crate) async fn a_repeat_of_a_deletion_is_a_deletion<H: Harness>(harness: H) {
    let (store, user) = (harness.store(), person(1, "a@b.de", harness.now()));
    create(&*store, &user, None).await.unwrap();
    assert_eq!(delete(&*store, &user, request("d", "")).await.unwrap(), Committed::now(()));
    assert_eq!(delete(&*store, &user, request("d", "")).await.unwrap(), Committed::before(()));
    assert_eq!(store.recall(&request("d", "").unwrap()).await.unwrap(), Some(Answer::Deleted));
}

pub(crate) async fn another_content_is_refused<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    create(&*store, &person(1, "a@b.de", now), request("r", "one")).await.unwrap();
    let refused = create(&*store, &person(2, "c@d.de", now), request("r", "two")).await.unwrap_err();
    assert!(matches!(refused, StoreError::RequestReused), "{refused:?}");
    let recalled = store.recall(&request("r", "two").unwrap()).await;
    assert!(matches!(recalled, Err(StoreError::RequestReused)), "{recalled:?}");
    // A refusal is not an answer: the same request may succeed when the address is free.
    let taken = create(&*store, &person(3, "a@b.de", now), request("s", "x")).await.unwrap_err();
    assert!(matches!(taken, StoreError::EmailTaken { .. }), "{taken:?}");
    assert_eq!(store.recall(&request("s", "x").unwrap()).await.unwrap(), None);
}

pub(crate) async fn a_forgotten_request_is_new<H: Harness>(harness: H) {
    let (store, user) = (harness.store(), person(1, "a@b.de", harness.now()));
    create(&*store, &user, request("r", "one")).await.unwrap();
    harness.advance(REMEMBERED);
    assert_eq!(store.recall(&request("r", "two").unwrap()).await.unwrap(), None);
    let other = person(2, "c@d.de", harness.now());
    assert_eq!(create(&*store, &other, request("r", "two")).await.unwrap(), Committed::now(other));
}
