//! Users.

use user::{
    domain::{DisplayName, Email, Profile, User},
    store::{Committed, StoreError},
};

use super::{Harness, by_id, create, delete, person, replace, replace_profile};

pub(crate) async fn a_created_user_is_found_by_id_and_address_after_reopening<H: Harness>(harness: H) {
    let user = person(1, "Ada@Example.org", harness.now());
    assert_eq!(create(&*harness.store(), &user, None).await.unwrap(), Committed::now(user.clone()));
    let harness = harness.reopen().await;
    let store = harness.store();
    assert_eq!(by_id(&*store, user.id).await, Some(user.clone()));
    assert_eq!(store.user_by_email("ada@example.org").await.unwrap(), Some(user));
    assert_eq!(store.user_by_email("Ada@Example.org").await.unwrap(), None, "only the normal form is a key");
}

pub(crate) async fn a_taken_address_is_refused_and_changes_nothing<H: Harness>(harness: H) {
    let store = harness.store();
    let (first, second) = (person(1, "a@b.de", harness.now()), person(2, "A@B.DE", harness.now()));
    create(&*store, &first, None).await.unwrap();
    let refused = create(&*store, &second, None).await.unwrap_err();
    assert!(matches!(refused, StoreError::EmailTaken { owner } if owner == first.id), "{refused:?}");
    assert_eq!(by_id(&*store, second.id).await, None);
    assert_eq!(harness.events().await.len(), 1);
}

pub(crate) async fn one_of_many_creators_wins_an_address<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let racers = (0..16).map(|n| {
        let (store, user) = (store.clone(), person(n, "a@b.de", now));
        tokio::spawn(async move { create(&*store, &user, None).await.map(|committed| committed.value.id) })
    });
    let mut winners = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(id) => winners.push(id),
            Err(error) => assert!(matches!(error, StoreError::EmailTaken { .. }), "{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(store.user_by_email("a@b.de").await.unwrap().unwrap().id, winners[0]);
    assert_eq!(store.list_users(None, 100).await.unwrap().len(), 1);
}

pub(crate) async fn one_of_many_writers_wins_a_version<H: Harness>(harness: H) {
    let (store, user) = (harness.store(), person(1, "a@b.de", harness.now()));
    create(&*store, &user, None).await.unwrap();
    let racers = (0..16).map(|n| {
        let display_name = DisplayName::parse("n", &format!("Name {n}")).unwrap();
        let (store, next) = (store.clone(), User { display_name, version: 2, ..user.clone() });
        tokio::spawn(async move { replace(&*store, &next, None).await.map(|committed| committed.value) })
    });
    let mut winners = Vec::new();
    for racer in racers.collect::<Vec<_>>() {
        match racer.await.unwrap() {
            Ok(user) => winners.push(user),
            Err(error) => assert!(matches!(error, StoreError::Stale), "{error:?}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(by_id(&*store, user.id).await.as_ref(), winners.first());
}

pub(crate) async fn a_change_is_built_on_the_version_it_names<H: Harness>(harness: H) {
    let (store, user) = (harness.store(), person(1, "a@b.de", harness.now()));
    let unknown = replace(&*store, &User { version: 2, ..user.clone() }, None).await.unwrap_err();
    assert!(matches!(unknown, StoreError::NotFound), "{unknown:?}");
    create(&*store, &user, None).await.unwrap();
    let second = User { version: 2, ..user.clone() };
    replace(&*store, &second, None).await.unwrap();
    for version in [1, 2, 4] {
        let stale = replace(&*store, &User { version, ..user.clone() }, None).await.unwrap_err();
        assert!(matches!(stale, StoreError::Stale), "{version}: {stale:?}");
    }
    let stale = delete(&*store, &user, None).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale), "{stale:?}");
    delete(&*store, &second, None).await.unwrap();
    let gone = delete(&*store, &second, None).await.unwrap_err();
    assert!(matches!(gone, StoreError::NotFound), "{gone:?}");
}

pub(crate) async fn a_moved_address_is_free_for_another<H: Harness>(harness: H) {
    let (store, now) = (harness.store(), harness.now());
    let (first, second) = (person(1, "a@b.de", now), person(2, "c@d.de", now));
    create(&*store, &first, None).await.unwrap();
    create(&*store, &second, None).await.unwrap();
    let onto_second = User { email: second.email.clone(), version: 2, ..first.clone() };
    let taken = replace(&*store, &onto_second, None).await.unwrap_err();
    assert!(matches!(taken, StoreError::EmailTaken { .. }), "{taken:?}");
    let moved = User { email: Email::parse("e", "e@f.de").unwrap(), version: 2, ..first.clone() };
    replace(&*store, &moved, None).await.unwrap();
    assert_eq!(store.user_by_email("a@b.de").await.unwrap(), None);
    let third = person(3, "A@b.de", now);
    create(&*store, &third, None).await.unwrap();
    let recased = User { email: Email::parse("e", "A@B.de").unwrap(), version: 2, ..third };
    assert_eq!(replace(&*store, &recased, None).await.unwrap().value, recased);
    delete(&*store, &moved, None).await.unwrap();
    assert_eq!(store.user_by_email("e@f.de").await.unwrap(), None);
}

pub(crate) async fn each_change_tells_one_event<H: Harness>(harness: H) {
    let (store, user) = (harness.store(), person(1, "a@b.de", harness.now()));
    create(&*store, &user, None).await.unwrap();
    let second = User { version: 2, ..user.clone() };
    replace(&*store, &second, None).await.unwrap();
    assert!(replace(&*store, &second, None).await.is_err());
    let profile = store.ensure_profile(user.id, harness.now()).await.unwrap().unwrap();
    let profile = Profile { version: 2, ..profile };
    replace_profile(&*store, &profile, None).await.unwrap();
    assert!(replace_profile(&*store, &profile, None).await.is_err());
    delete(&*store, &second, None).await.unwrap();
    let harness = harness.reopen().await;
    let mut told: Vec<_> =
        harness.events().await.into_iter().map(|event| (event.version, event.kind.to_string())).collect();
    told.sort();
    let expected = [(1, "user.created"), (2, "profile.updated"), (2, "user.updated"), (3, "user.deleted")];
    assert_eq!(told, expected.map(|(version, kind)| (version, kind.to_owned())));
}

pub(crate) async fn listing_pages_through_everybody_once<H: Harness>(harness: H) {
    let store = harness.store();
    for n in 0..25 {
        create(&*store, &person(n, &format!("p{n}@b.de"), harness.now()), None).await.unwrap();
    }
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.list_users(after, 10).await.unwrap();
        assert!(page.len() <= 10);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page.into_iter().map(|user| user.id));
    }
    let mut expected: Vec<_> = (0..25).map(|n| person(n, "a@b.de", harness.now()).id).collect();
    expected.sort();
    assert_eq!(listed, expected);
    let asked = [expected[3], user::domain::UserId::random(), expected[1]];
    let found = store.users(&asked).await.unwrap();
    assert_eq!(
        found.iter().map(|user| user.as_ref().map(|user| user.id)).collect::<Vec<_>>(),
        [Some(expected[3]), None, Some(expected[1])]
    );
}
