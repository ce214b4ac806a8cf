//! A provider that is down, and a service that stops in the middle.

use std::time::Duration;

use mesh_rpc::deadline::{Deadline, scope};
use proto::payment::v1::{Cancellation, CreatePaymentRequest, Payment, ResumePaymentRequest, State};
use tonic::Code;

use crate::world::{Setup, World, order, told};

/// Payments begun while the provider is down.
async fn begun(world: &mut World, count: i64) -> (String, Vec<Payment>) {
    begun_to_be(world, count, false).await
}

/// Payments begun while the provider is down, to be captured at once or not.
async fn begun_to_be(world: &mut World, count: i64, capture_immediately: bool) -> (String, Vec<Payment>) {
    let user = world.user("ada@example.org").await;
    world.stop_provider().await;
    let mut begun = Vec::new();
    for n in 0..count {
        let order = order(&user, 100 + n, "tok_ok", &format!("create {n}"));
        let payment = world.hurry(CreatePaymentRequest { capture_immediately, ..order }).await;
        assert_eq!(payment.state(), State::Authorizing);
        begun.push(payment);
    }
    (user, begun)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_waits_for_a_provider_that_is_down() {
    let mut world = World::start().await;
    let (user, begun) = begun(&mut world, 1).await;
    let balance = world.balance(&user).await;
    assert_eq!((balance.held_minor, balance.version), (0, 1), "nothing is said to be held");
    world.start_provider().await;
    world.until(&begun[0].payment_id, State::Authorized).await;
    assert_eq!(world.transactions().await.len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_starts_again_finishes_what_was_open() {
    let mut world = World::start().await;
    let (user, begun) = begun(&mut world, 3).await;
    world.stop_payment().await;
    world.start_provider().await;
    world.start_payment().await;
    for payment in begun {
        world.until(&payment.payment_id, State::Authorized).await;
    }
    assert_eq!(world.balance(&user).await.held_minor, 303);
    assert_eq!(world.transactions().await.len(), 3);
    assert_eq!(world.events().await, ["payment.authorized"; 3]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_is_not_found_out_in_time_needs_somebody_to_look() {
    let mut world = World::start().await;
    let (_, begun) = begun(&mut world, 1).await;
    let id = &begun[0].payment_id;
    world.hand.advance(Setup::default().provider_budget - Duration::from_millis(1));
    let payment = world.get(id).await.unwrap();
    assert_eq!(payment.state(), State::Authorizing);
    world.hand.advance(Duration::from_millis(1));
    world.until(id, State::NeedsReconciliation).await;
    let status = world.capture(id, None, "capture").await.unwrap_err();
    assert_eq!(told(&status).1, "NEEDS_RECONCILIATION");
    // It is not asked for again, and not forgotten either.
    world.start_provider().await;
    world.stop_payment().await;
    world.start_payment().await;
    let user = world.user("bob@example.org").await;
    world.create(order(&user, 1, "tok_ok", "other")).await.unwrap();
    assert_eq!(world.get(id).await.unwrap().state(), State::NeedsReconciliation);
    assert_eq!(world.transactions().await.len(), 1);
    assert_eq!(world.events().await, ["payment.authorized"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_open_too_long_while_nobody_ran_is_asked_for_once_more() {
    let mut world = World::start().await;
    let (_, begun) = begun(&mut world, 1).await;
    world.stop_payment().await;
    world.hand.advance(Setup::default().provider_budget * 2);
    world.start_provider().await;
    world.start_payment().await;
    // Not given up unasked: it is authorized, and by then its authorization has expired.
    world.until(&begun[0].payment_id, State::Voided).await;
    assert_eq!(world.transactions().await.len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_to_be_captured_at_once_is_not_captured_after_it_has_expired() {
    let provider_budget = Setup::default().authorization_ttl * 2;
    let mut world = World::start_with(Setup { provider_budget, ..Setup::default() }).await;
    let (user, begun) = begun_to_be(&mut world, 1, true).await;
    world.hand.advance(Setup::default().authorization_ttl);
    world.start_provider().await;
    let payment = world.until(&begun[0].payment_id, State::Voided).await;
    assert_eq!(payment.cancellation(), Cancellation::Expired);
    let balance = world.balance(&user).await;
    assert_eq!((balance.captured_minor, balance.held_minor), (0, 0));
    assert_eq!(world.events().await, ["payment.authorized", "payment.canceled"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_taken_up_again_has_its_whole_time_again() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    world.stop_settling().await;
    let payment = world.hurry(order(&user, 100, "tok_dup_webhook", "create")).await;
    let id = &payment.payment_id;
    world.hand.advance(Setup::default().provider_budget);
    world.until(id, State::NeedsReconciliation).await;
    let mut reconciliation = world.reconciliation.clone();
    let resume = reconciliation.resume_payment(ResumePaymentRequest { payment_id: id.clone() });
    // The provider is asked, has still not decided, and is waited for.
    match scope(Deadline::after(Duration::from_secs(1)).unwrap(), resume).await {
        Ok(resumed) => assert_eq!(resumed.into_inner().payment.unwrap().state(), State::Authorizing),
        Err(status) => assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}"),
    }
    world.stop_provider().await;
    world.start_provider().await;
    // By now its authorization has expired.
    world.until(id, State::Voided).await;
    world.stop().await;
}
