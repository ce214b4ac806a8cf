//! Our operations and the provider's transactions, where they do not agree.

use payment::domain::Outcome;
use proto::{
    payment::v1::{State, finding::Kind as Found},
    provider::v1::{Kind, Status},
};

use super::{QUIET, done_there, found, key, nth, reconcile};
use crate::{
    conformance::support::{authorized, captured, create, declined, euro, money, new, settle},
    world::{START, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_here_asked_for_is_found() {
    let mut world = World::start_with(QUIET).await;
    let (id, _) = world.authorized(100, "tok_ok").await;
    let strange = ["somebody-else:1".to_owned(), key(1, 1), format!("{id}:2")];
    done_there(&world, "tok_ok", &strange[0], Kind::Authorize, 1).await;
    done_there(&world, "tok_decline", &strange[1], Kind::Authorize, 1).await;
    done_there(&world, "tok_ok", &strange[2], Kind::Capture, 100).await;
    let report = reconcile(&mut world).await;
    assert_eq!(found(&report), strange.each_ref().map(|key| (Found::MissingHere, key.as_str())));
    assert_eq!((report.transactions, report.operations), (4, 1));
    assert!(report.findings[2].description.contains("Capture of 1.00 EUR"), "{report:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_has_forgotten_is_found() {
    let mut world = World::start_with(QUIET).await;
    let (id, user) = world.captured(100, "tok_ok").await;
    let refused = world.create(crate::world::order(&user, 5, "tok_decline", "refused")).await.unwrap();
    assert_eq!(reconcile(&mut world).await.finding_count, 0);
    world.stop_provider().await;
    std::fs::remove_file(world.folder().join("provider.redb")).unwrap();
    world.start_provider().await;
    // Known to it, so not among them.
    let kept = world.create(crate::world::order(&user, 7, "tok_ok", "kept")).await.unwrap();
    assert_eq!(kept.state(), State::Authorized);
    let report = reconcile(&mut world).await;
    let mut lost = [format!("{id}:1"), format!("{id}:2"), format!("{}:1", refused.payment_id)];
    lost.sort();
    let mut told = found(&report);
    told.sort_unstable();
    assert_eq!(told, lost.each_ref().map(|key| (Found::MissingThere, key.as_str())));
    assert_eq!((report.transactions, report.operations), (1, 4));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_amount_or_currency_is_found_and_never_taken_for_ours() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    // One that is open, one that has ended, one in another currency.
    create(&store, new(1, euro(100), START), None, START).await.unwrap();
    authorized(&store, 2, euro(100), START).await;
    authorized(&store, 3, money(100, "USD"), START).await;
    for (n, minor) in [(1, 101), (2, 99), (3, 100)] {
        done_there(&world, "tok_ok", &key(n, 1), Kind::Authorize, minor).await;
    }
    let report = reconcile(&mut world).await;
    let keys = [1, 2, 3].map(|n| key(n, 1));
    assert_eq!(found(&report), keys.each_ref().map(|key| (Found::AmountMismatch, key.as_str())));
    assert_eq!(report.healed, 0);
    assert_eq!(report.findings[0].description, "1.00 EUR here, 1.01 EUR there");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_looks_at_what_the_provider_did_otherwise_under_our_key() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    create(&store, new(1, euro(100), START), None, START).await.unwrap();
    done_there(&world, "tok_ok", &key(1, 1), Kind::Authorize, 101).await;
    let told = proto::provider::v1::NotifyRequest { key: key(1, 1) };
    world.webhook.notify(told).await.unwrap();
    let payment = world.until(&nth(1).to_string(), State::NeedsReconciliation).await;
    let report = reconcile(&mut world).await;
    assert_eq!(found(&report), [(Found::AmountMismatch, key(1, 1).as_str())]);
    assert_eq!(world.get(&payment.payment_id).await.unwrap(), payment, "nothing was made of it");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn done_here_and_refused_there_and_the_other_way_round_are_found() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    for (n, outcome, token) in [
        (1, Outcome::Settled, "tok_decline"),
        (2, declined(), "tok_ok"),
        (3, Outcome::Failed, "tok_ok"),
        // These agree: done, refused, and not done in either.
        (4, Outcome::Settled, "tok_ok"),
        (5, declined(), "tok_decline"),
        (6, Outcome::Failed, "tok_decline"),
    ] {
        create(&store, new(n, euro(100), START), None, START).await.unwrap();
        settle(&store, nth(n), outcome, START).await;
        done_there(&world, token, &key(n, 1), Kind::Authorize, 100).await;
    }
    // Not the same thing.
    captured(&store, 7, euro(100), START).await;
    done_there(&world, "tok_ok", &key(7, 1), Kind::Authorize, 100).await;
    done_there(&world, "tok_ok", &key(7, 2), Kind::Void, 100).await;
    let report = reconcile(&mut world).await;
    let keys = [key(1, 1), key(2, 1), key(3, 1), key(7, 2)];
    assert_eq!(found(&report), keys.each_ref().map(|key| (Found::StateMismatch, key.as_str())));
    let told: Vec<_> = report.findings.iter().map(|finding| finding.description.as_str()).collect();
    let expected = [
        "settled here, declined there",
        "declined here, settled there",
        "failed here, settled there",
        "Capture here, Void there",
    ];
    assert_eq!(told, expected);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_ended_here_must_have_been_decided_there() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    authorized(&store, 1, euro(100), START).await;
    world.stop_settling().await;
    let pending = done_there(&world, "tok_dup_webhook", &key(1, 1), Kind::Authorize, 100).await;
    assert_eq!(pending, Status::Pending);
    let report = reconcile(&mut world).await;
    assert_eq!(found(&report), [(Found::StateMismatch, key(1, 1).as_str())]);
    assert_eq!(report.findings[0].description, "ended here, still pending there");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_findings_are_counted_and_the_first_thousand_kept() {
    let mut world = World::start_with(QUIET).await;
    let strange = (1..=1_003).map(|n| {
        let world = &world;
        async move { done_there(world, "tok_ok", &format!("x{n}:1"), Kind::Authorize, n).await }
    });
    futures_util::future::join_all(strange).await;
    let report = reconcile(&mut world).await;
    assert_eq!((report.finding_count, report.findings.len()), (1_003, 1_000));
    assert_eq!(report.transactions, 1_003);
    world.stop().await;
}
