//! Profiles.

use user::{
    domain::{Profile, UserId},
    store::StoreError,
};

use super::{Harness, create, delete, person, replace_profile};

pub(crate) async fn a_profile_follows_the_user_and_is_made_once<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let user = person(1, "a@b.de", now);
    create(&*store, &user, None).await.unwrap();
    assert_eq!(store.profile(user.id).await.unwrap(), None);
    let makers = (0..8).map(|_| {
        let (store, id) = (store.clone(), user.id);
        tokio::spawn(async move { store.ensure_profile(id, now).await.unwrap().unwrap() })
    });
    let mut made = Vec::new();
    for maker in makers.collect::<Vec<_>>() {
        made.push(maker.await.unwrap());
    }
    assert!(made.iter().all(|profile| *profile == made[0]), "one maker's profile is everybody's");
    assert_eq!((made[0].display_name.clone(), made[0].version), (user.display_name.clone(), 1));
    let harness = harness.reopen().await;
    assert_eq!(harness.store().profile(user.id).await.unwrap().as_ref(), made.first());
    delete(&*harness.store(), &user, None).await.unwrap();
    assert_eq!(harness.store().profile(user.id).await.unwrap(), None);
}

pub(crate) async fn a_stale_profile_is_refused<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let user = person(1, "a@b.de", now);
    create(&*store, &user, None).await.unwrap();
    let first = store.ensure_profile(user.id, now).await.unwrap().unwrap();
    let replace = |version| {
        let (store, profile) = (store.clone(), Profile { version, ..first.clone() });
        async move { replace_profile(&*store, &profile, None).await }
    };
    assert_eq!(replace(2).await.unwrap().value.version, 2);
    for version in [1, 2, 4] {
        let stale = replace(version).await.unwrap_err();
        assert!(matches!(stale, StoreError::Stale), "{version}: {stale:?}");
    }
    assert_eq!(replace(3).await.unwrap().value.version, 3);
}

pub(crate) async fn no_profile_without_a_user<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    assert_eq!(store.ensure_profile(UserId::random(), now).await.unwrap(), None);
    let user = person(1, "a@b.de", now);
    create(&*store, &user, None).await.unwrap();
    delete(&*store, &user, None).await.unwrap();
    assert_eq!(store.ensure_profile(user.id, now).await.unwrap(), None, "it must not come back");
    let profile = Profile { version: 2, ..Profile::of(&user, now) };
    let refused = replace_profile(&*store, &profile, None).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound), "{refused:?}");
}
