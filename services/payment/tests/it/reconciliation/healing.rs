//! What the provider has decided and is open here.

use proto::{
    payment::v1::{ResumePaymentRequest, State, finding::Kind as Found},
    provider::v1::Kind,
};
use tonic::Code;

use super::{QUIET, done_there, found, key, nth, reconcile};
use crate::{
    conformance::support::{authorized, captured, create, euro, new, take},
    world::{START, World, told},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_is_taken_up_when_the_provider_says_how_it_ended() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    // An authorization that was done, one that was refused, a capture, and a refund of a part.
    create(&store, new(1, euro(100), START), None, START).await.unwrap();
    create(&store, new(2, euro(100), START), None, START).await.unwrap();
    authorized(&store, 3, euro(100), START).await;
    take(&store, nth(3), |payment| payment.capture(Some(euro(60)), START)).await.unwrap();
    captured(&store, 4, euro(100), START).await;
    take(&store, nth(4), |payment| payment.refund(Some(euro(40)), START)).await.unwrap();
    for n in 1..=4 {
        take(&store, nth(n), |payment| payment.give_up(START)).await.unwrap();
    }
    let there = [
        ("tok_ok", key(1, 1), Kind::Authorize, 100),
        ("tok_decline", key(2, 1), Kind::Authorize, 100),
        ("tok_ok", key(3, 1), Kind::Authorize, 100),
        ("tok_ok", key(3, 2), Kind::Capture, 60),
        ("tok_ok", key(4, 1), Kind::Authorize, 100),
        ("tok_ok", key(4, 2), Kind::Capture, 100),
        ("tok_ok", key(4, 3), Kind::Refund, 40),
    ];
    for (token, key, kind, minor) in there {
        done_there(&world, token, &key, kind, minor).await;
    }
    let report = reconcile(&mut world).await;
    assert_eq!((found(&report), report.healed), (vec![], 4), "{report:?}");
    let states = [State::Authorized, State::Declined, State::Captured, State::PartiallyRefunded];
    for (n, state) in (1..).zip(states) {
        assert_eq!(world.get(&nth(n).to_string()).await.unwrap().state(), state);
    }
    assert_eq!(world.transactions().await.len(), 7, "nothing was asked for again");
    let again = reconcile(&mut world).await;
    assert_eq!((found(&again), again.healed, again.operations), (vec![], 0, 7));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_and_has_ended_there_is_driven_now() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    create(&store, new(1, euro(100), START), None, START).await.unwrap();
    done_there(&world, "tok_ok", &key(1, 1), Kind::Authorize, 100).await;
    let report = reconcile(&mut world).await;
    assert_eq!((found(&report), report.healed), (vec![], 0), "it was not given up: it is ordinary traffic");
    world.until(&nth(1).to_string(), State::Authorized).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_provider_knows_nothing_of_is_told_until_somebody_takes_it_up() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    for n in 1..=2 {
        create(&store, new(n, euro(100), START), None, START).await.unwrap();
    }
    take(&store, nth(2), |payment| payment.give_up(START)).await.unwrap();
    let report = reconcile(&mut world).await;
    let undecided = key(2, 1);
    assert_eq!((found(&report), report.healed), (vec![(Found::Undecided, undecided.as_str())], 0));
    assert_eq!(world.get(&nth(1).to_string()).await.unwrap().state(), State::Authorizing);
    assert_eq!(world.get(&nth(2).to_string()).await.unwrap().state(), State::NeedsReconciliation);
    assert_eq!(world.transactions().await, [], "the provider was not asked");

    let resume = ResumePaymentRequest { payment_id: nth(2).to_string() };
    let resumed = world.reconciliation.resume_payment(resume.clone()).await.unwrap().into_inner();
    assert_eq!(resumed.payment.unwrap().state(), State::Authorized);
    assert_eq!(world.transactions().await.len(), 1);
    assert_eq!(found(&reconcile(&mut world).await), []);
    let refused = world.reconciliation.resume_payment(resume).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "NOTHING_TO_RESUME".to_owned()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_that_was_refused_is_for_somebody_to_look_at() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    authorized(&store, 1, euro(100), START).await;
    take(&store, nth(1), |payment| payment.cancel(START)).await.unwrap();
    take(&store, nth(1), |payment| payment.give_up(START)).await.unwrap();
    done_there(&world, "tok_ok", &key(1, 1), Kind::Authorize, 100).await;
    done_there(&world, "tok_nobody_knows", &key(1, 2), Kind::Void, 100).await;
    let before = world.get(&nth(1).to_string()).await.unwrap();
    let report = reconcile(&mut world).await;
    assert_eq!(found(&report), [(Found::StateMismatch, key(1, 2).as_str())]);
    assert_eq!(report.healed, 0);
    assert_eq!(world.get(&before.payment_id).await.unwrap(), before);
    world.stop().await;
}
