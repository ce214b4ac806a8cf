//! A provider whose books say something else than ours: nothing is decided by guessing.

use std::time::Duration;

use proto::{
    payment::v1::State,
    provider::v1::{ExecuteRequest, Kind},
};

use crate::world::{World, order};

/// Has the provider do something that the payment service did not ask for.
async fn behind_its_back(world: &mut World, key: String, kind: Kind, amount_minor: i64) {
    let request = ExecuteRequest {
        key,
        kind: kind.into(),
        amount_minor,
        currency: "EUR".to_owned(),
        payment_method: "tok_ok".to_owned(),
    };
    world.provider.execute(request).await.unwrap();
}

/// A payment whose authorization is open, while the service is stopped and the provider runs.
async fn open(world: &mut World) -> String {
    let user = world.user("ada@example.org").await;
    world.stop_provider().await;
    let payment = world.hurry(order(&user, 900, "tok_ok", "create")).await;
    assert_eq!(payment.state(), State::Authorizing);
    world.stop_payment().await;
    world.start_provider().await;
    payment.payment_id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_amount_under_our_key_needs_somebody_to_look() {
    let mut world = World::start().await;
    let id = open(&mut world).await;
    behind_its_back(&mut world, format!("{id}:1"), Kind::Authorize, 901).await;
    world.start_payment().await;
    world.until(&id, State::NeedsReconciliation).await;
    assert_eq!(world.transactions().await.len(), 1, "it is not asked for under another key");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorization_that_is_not_possible_by_now_needs_somebody_to_look() {
    let mut world = World::start().await;
    let id = open(&mut world).await;
    behind_its_back(&mut world, format!("{id}:7"), Kind::Authorize, 900).await;
    world.start_payment().await;
    // Nobody knows whether it was asked for before the stop.
    let payment = world.until(&id, State::NeedsReconciliation).await;
    assert_eq!(world.ledger(&payment.user_id).await, []);
    assert_eq!(world.events().await, [""; 0]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_of_what_is_gone_needs_somebody_to_look() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(900, "tok_ok").await;
    behind_its_back(&mut world, format!("{id}:7"), Kind::Capture, 900).await;
    let payment = world.cancel(&id, "cancel").await.unwrap();
    assert_eq!(payment.state(), State::NeedsReconciliation);
    assert_eq!(world.balance(&user).await.held_minor, 900, "the books say what they know");
    // The same request again finds it as it is, and nothing else is possible.
    assert_eq!(world.cancel(&id, "cancel").await.unwrap(), payment);
    world.hand.advance(Duration::from_secs(48 * 3_600));
    let status = world.capture(&id, None, "capture").await.unwrap_err();
    assert_eq!(crate::world::told(&status).1, "NEEDS_RECONCILIATION");
    world.stop().await;
}
