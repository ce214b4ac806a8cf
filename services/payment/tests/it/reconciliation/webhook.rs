//! The webhook: makes us look, and is believed nothing.

use proto::{
    payment::v1::State,
    provider::v1::{Kind, NotifyRequest},
};

use super::{QUIET, done_there, key, nth};
use crate::{
    conformance::support::{authorized, create, euro, new},
    world::{START, World},
};

fn about(key: &str) -> NotifyRequest {
    NotifyRequest { key: key.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_about_an_open_operation_has_it_driven() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    create(&store, new(1, euro(100), START), None, START).await.unwrap();
    done_there(&world, "tok_ok", &key(1, 1), Kind::Authorize, 100).await;
    for _ in 0..2 {
        world.webhook.notify(about(&key(1, 1))).await.unwrap();
    }
    let payment = world.until(&nth(1).to_string(), State::Authorized).await;
    world.webhook.notify(about(&key(1, 1))).await.unwrap();
    assert_eq!(world.get(&payment.payment_id).await.unwrap(), payment);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_about_anything_else_is_heard_and_changes_nothing() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    authorized(&store, 1, euro(100), START).await;
    let before = world.get(&nth(1).to_string()).await.unwrap();
    for key in ["", "nonsense", "x:1", &key(1, 1), &key(1, 2), &key(2, 1), &"x".repeat(10_000)] {
        world.webhook.notify(about(key)).await.unwrap();
    }
    assert_eq!(world.get(&before.payment_id).await.unwrap(), before);
    assert_eq!(world.transactions().await, [], "the provider was asked for nothing");
    world.stop().await;
}
