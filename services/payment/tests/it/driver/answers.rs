//! Answers that come late, twice, wrong or not at all.

use proto::{
    payment::v1::{CreatePaymentRequest, State},
    provider::v1::Status,
};

use crate::world::{World, order, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_is_asked_again_under_the_same_key() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let order =
        CreatePaymentRequest { capture_immediately: true, ..order(&user, 900, "tok_5xx_once", "create") };
    let payment = world.create(order).await.unwrap();
    assert_eq!(payment.state(), State::Captured);
    let keys: Vec<_> = world.transactions().await.into_iter().map(|done| (done.0, done.3)).collect();
    let expected = [1, 2].map(|seq| (format!("{}:{seq}", payment.payment_id), Status::Settled));
    assert_eq!(keys, expected);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_done_without_an_answer_is_looked_up_and_not_done_twice() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let payment = world.create(order(&user, 900, "tok_timeout_after_commit", "create")).await.unwrap();
    let payment = world.until(&payment.payment_id, State::Authorized).await;
    assert_eq!(world.transactions().await.len(), 1);
    assert_eq!((world.balance(&user).await.held_minor, payment.version), (900, 2));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_answer_is_waited_for() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let payment = world.create(order(&user, 900, "tok_slow", "create")).await.unwrap();
    world.until(&payment.payment_id, State::Authorized).await;
    assert_eq!(world.transactions().await.len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_wait_is_told_how_far_it_has_come() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    world.stop_provider().await;
    let order = order(&user, 900, "tok_ok", "create");
    let payment = world.hurry(order.clone()).await;
    assert_eq!(payment.state(), State::Authorizing);
    // Nothing else begins before it is known.
    let status = world.capture(&payment.payment_id, None, "capture").await.unwrap_err();
    assert_eq!(told(&status).1, "OPERATION_UNDER_WAY");
    // The same request waits for what is under way.
    world.start_provider().await;
    let again = world.create(order).await.unwrap();
    assert_eq!(again.payment_id, payment.payment_id);
    world.until(&payment.payment_id, State::Authorized).await;
    assert_eq!(world.transactions().await.len(), 1);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_comes_again_waits_for_the_capture_that_it_asked_for() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let order = CreatePaymentRequest { capture_immediately: true, ..order(&user, 900, "tok_slow", "create") };
    let payment = world.hurry(order.clone()).await;
    world.until(&payment.payment_id, State::Capturing).await;
    assert_eq!(world.create(order).await.unwrap().state(), State::Captured);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_decided_later_and_told_twice_happens_once() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let payment = world.create(order(&user, 900, "tok_dup_webhook", "create")).await.unwrap();
    let payment = world.until(&payment.payment_id, State::Authorized).await;
    assert_eq!(payment.version, 2);
    let captured = world.capture(&payment.payment_id, None, "capture").await.unwrap();
    world.until(&captured.payment_id, State::Captured).await;
    assert_eq!(world.balance(&user).await.captured_minor, 900);
    assert_eq!(world.transactions().await.len(), 2);
    assert_eq!(world.events().await, ["payment.authorized", "payment.captured"]);
    world.stop().await;
}
