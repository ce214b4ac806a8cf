//! Sessions.

use std::time::Duration;

use service_kit::clock::UnixMillis;
use user::{
    domain::{Attributes, Session, TokenHash, UserId},
    store::StoreError,
};
use uuid::Uuid;

use super::{Harness, create, delete, person};

fn session(user_id: UserId, now: UnixMillis) -> Session {
    let expires = now.after(Duration::from_secs(60));
    Session { id: Uuid::from_u128(9), user_id, attributes: Attributes::default(), created: now, expires }
}

pub(crate) async fn a_session_opens_until_it_is_ended<H: Harness>(harness: H) {
    let user = person(1, "a@b.de", harness.now());
    let (token, other) = (TokenHash([1; 32]), TokenHash([2; 32]));
    create(&*harness.store(), &user, None).await.unwrap();
    let opened = session(user.id, harness.now());
    harness.store().open_session(token, opened.clone()).await.unwrap();
    let harness = harness.reopen().await;
    let store = harness.store();
    assert_eq!(store.session(token).await.unwrap(), Some(opened));
    assert_eq!(store.session(other).await.unwrap(), None);
    store.end_session(token).await.unwrap();
    store.end_session(token).await.unwrap();
    assert_eq!(store.session(token).await.unwrap(), None);
    // Expired ones are swept as others are opened, so that they do not pile up.
    store.open_session(token, session(user.id, harness.now())).await.unwrap();
    harness.advance(Duration::from_secs(61));
    store.open_session(other, session(user.id, harness.now())).await.unwrap();
    assert_eq!(store.session(token).await.unwrap(), None);
    assert!(store.session(other).await.unwrap().is_some());
}

pub(crate) async fn no_session_without_a_user<H: Harness>(harness: H) {
    let refused =
        harness.store().open_session(TokenHash([1; 32]), session(UserId::random(), harness.now())).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
}

pub(crate) async fn sessions_end_with_their_user<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let (gone, staying) = (person(1, "a@b.de", now), person(2, "c@d.de", now));
    for (n, user) in [(1, &gone), (2, &gone), (3, &staying)] {
        let _ = create(&*store, user, None).await;
        store.open_session(TokenHash([n; 32]), session(user.id, now)).await.unwrap();
    }
    delete(&*store, &gone, None).await.unwrap();
    let found = [1, 2, 3].map(|n| store.session(TokenHash([n; 32])));
    let found = futures_util::future::join_all(found).await;
    assert_eq!(
        found.into_iter().map(|session| session.unwrap().is_some()).collect::<Vec<_>>(),
        [false, false, true]
    );
}
