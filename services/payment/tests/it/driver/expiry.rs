//! Authorizations that nobody captures.

use proto::payment::v1::{Cancellation, State};

use crate::world::{Setup, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorization_that_nobody_captures_is_released() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    world.hand.advance(Setup::default().authorization_ttl);
    let payment = world.until(&id, State::Voided).await;
    assert_eq!(payment.cancellation(), Cancellation::Expired);
    assert_eq!(world.balance(&user).await.held_minor, 0);
    let events = world.envelopes().await;
    let canceled = events.iter().find(|event| event.kind.to_string() == "payment.canceled").unwrap();
    let body: serde_json::Value = serde_json::from_slice(&canceled.body).unwrap();
    assert_eq!(body["reason"], "expired");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_captured_in_time_does_not_expire() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    world.capture(&id, Some(1), "capture").await.unwrap();
    let other = world.create(crate::world::order(&user, 5, "tok_ok", "other")).await.unwrap().payment_id;
    world.hand.advance(Setup::default().authorization_ttl);
    // Once the other one is released, the sweep has seen both.
    world.until(&other, State::Voided).await;
    assert_eq!(world.get(&id).await.unwrap().state(), State::Captured);
    world.stop().await;
}
