//! Services on a cluster: alone as in a file, and two that know nothing of each other.

use std::{collections::HashSet, sync::Arc};

use mesh_events::{
    Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig},
};
use payment::app::Books;
use proto::{
    payment::v1::{RefundPaymentRequest, State},
    provider::v1::Status,
};
use service_kit::embedded::{Engine, EngineConfig};

use super::Cluster;
use crate::{
    api::many::{pay_from_one_book, too_much_together_is_not_done},
    conformance::Harness as _,
    driver::replicas::lose_nothing_of_each_other,
    world::{World, money, order},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_services_on_one_book_lose_nothing_of_each_other() {
    let cluster = Cluster::new().await;
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("bus.redb"), EngineConfig::default()).unwrap();
    let bus = Arc::new(EmbeddedBus::open(engine, EmbeddedBusConfig::default()).await.unwrap());
    let books = async |instance| {
        let store = cluster.another(instance).await;
        let (publisher, _relay) =
            Relay::new(Arc::new(store.outbox()), Arc::clone(&bus) as _, RelayConfig::default());
        Books::new(Arc::new(store), publisher, cluster.clock())
    };
    lose_nothing_of_each_other([books("a").await, books("b").await], cluster.now()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_payments_from_one_book_all_succeed() {
    let mut world = World::start_on_cql().await;
    // A commit takes some round trips, and callers do not wait for ever.
    pay_from_one_book(&mut world, 20).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refunds_that_are_too_much_together_are_not_both_done() {
    too_much_together_is_not_done(World::start_on_cql().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_services_that_sweep_the_same_operations_settle_each_once() {
    let mut world = World::start_on_cql().await;
    let (second, replica) = world.replica().await;
    let user = world.user("ada@example.org").await;
    // Slow ones stay open over several sweeps of both; of the lost answers nobody knows what became.
    let tokens = ["tok_ok", "tok_slow", "tok_timeout_after_commit", "tok_5xx_once"];
    let payments: Vec<_> = (0..24)
        .map(|n| {
            let mut service = [&world.payments, &replica][n % 2].clone();
            let mut order = order(&user, 100, tokens[n % tokens.len()], &format!("create {n}"));
            order.capture_immediately = n % 3 == 0;
            tokio::spawn(async move { service.create_payment(order).await })
        })
        .collect();
    let mut ids = Vec::new();
    for payment in payments {
        ids.push(payment.await.unwrap().unwrap().into_inner().payment.unwrap().payment_id);
    }
    for (n, id) in ids.iter().enumerate() {
        world.until(id, if n % 3 == 0 { State::Captured } else { State::Authorized }).await;
    }
    // Each service is asked for the same refund.
    for (n, id) in ids.iter().enumerate().filter(|(n, _)| n % 3 == 0) {
        let refund = RefundPaymentRequest {
            payment_id: id.clone(),
            amount: Some(money(60)),
            request_id: format!("refund {n}"),
        };
        let (mut one, mut other) = (world.payments.clone(), replica.clone());
        let (one, other) = tokio::join!(one.refund_payment(refund.clone()), other.refund_payment(refund));
        one.unwrap();
        other.unwrap();
        world.until(id, State::PartiallyRefunded).await;
    }
    let done = world.transactions().await;
    let keys: HashSet<_> = done.iter().map(|(key, ..)| key).collect();
    assert_eq!(
        (done.len(), keys.len()),
        (24 + 8 + 8, 24 + 8 + 8),
        "one for each operation, under its own key"
    );
    assert!(done.iter().all(|(_, _, _, status)| *status == Status::Settled), "{done:?}");
    let balance = world.balance(&user).await;
    assert_eq!((balance.captured_minor, balance.refunded_minor, balance.held_minor), (800, 480, 1_600));
    assert_eq!(
        balance.version,
        2 * (24 + 8 + 8) - 8,
        "a capture at once begins with the step that authorizes"
    );
    second.stop().await;
    world.stop().await;
}
