//! Requests that come again: the same gets the same, whatever has happened since.

use proto::payment::v1::{CreatePaymentRequest, Payment, State};
use tonic::{Code, Status};

use crate::world::{World, money, order, told};

fn reused(answer: Result<Payment, Status>) {
    assert_eq!(told(&answer.unwrap_err()), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_comes_again_gets_the_payment_as_it_is_by_then() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let order = order(&user, 1_000, "tok_ok", "create");
    let first = world.create(order.clone()).await.unwrap();
    assert_eq!(world.create(order.clone()).await.unwrap(), first);
    let captured = world.capture(&first.payment_id, None, "capture").await.unwrap();
    assert_eq!(world.create(order.clone()).await.unwrap(), captured, "the payment has moved on");

    for other in [
        CreatePaymentRequest { amount: Some(money(999)), ..order.clone() },
        CreatePaymentRequest { payment_method: "tok_slow".to_owned(), ..order.clone() },
        CreatePaymentRequest { capture_immediately: true, ..order.clone() },
        CreatePaymentRequest { user_id: uuid::Uuid::from_u128(9).to_string(), ..order },
    ] {
        reused(world.create(other).await);
    }
    assert_eq!(world.transactions().await.len(), 2);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decline_stays_a_decline() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let order = order(&user, 1_000, "tok_decline", "create");
    let first = world.create(order.clone()).await.unwrap();
    assert_eq!(first.state(), State::Declined);
    assert_eq!(world.create(order).await.unwrap(), first);

    let user = world.user("bob@example.org").await;
    let order = CreatePaymentRequest {
        capture_immediately: true,
        ..crate::world::order(&user, 1_000, "tok_decline_refund", "bob")
    };
    let id = world.create(order).await.unwrap().payment_id;
    let refused = world.refund(&id, None, "refund").await.unwrap();
    assert_eq!(refused.state(), State::Captured);
    assert_eq!(world.refund(&id, None, "refund").await.unwrap(), refused, "the provider is not asked again");
    assert_eq!(world.transactions().await.len(), 4);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn captures_refunds_and_cancellations_that_come_again_do_nothing_twice() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    let captured = world.capture(&id, Some(600), "capture").await.unwrap();
    assert_eq!(world.capture(&id, Some(600), "capture").await.unwrap(), captured);
    reused(world.capture(&id, Some(601), "capture").await);
    reused(world.capture(&id, None, "capture").await);

    let refunded = world.refund(&id, Some(200), "refund").await.unwrap();
    assert_eq!(world.refund(&id, Some(200), "refund").await.unwrap(), refunded);
    reused(world.refund(&id, Some(100), "refund").await);
    let all = world.refund(&id, None, "all").await.unwrap();
    assert_eq!(all.state(), State::Refunded);
    // A new one would be refused by now, the same ones are answered.
    assert_eq!(world.refund(&id, Some(200), "refund").await.unwrap(), all);
    assert_eq!(world.capture(&id, Some(600), "capture").await.unwrap(), all);
    assert_eq!(world.balance(&user).await.refunded_minor, 600);

    let order = order(&user, 50, "tok_ok", "other");
    let other = world.create(order).await.unwrap().payment_id;
    let canceled = world.cancel(&other, "cancel").await.unwrap();
    assert_eq!(world.cancel(&other, "cancel").await.unwrap(), canceled);
    reused(world.cancel(&id, "cancel").await);
    assert_eq!(world.transactions().await.len(), 6);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_may_serve_each_method_once_and_a_refused_request_is_not_remembered() {
    let mut world = World::start().await;
    let (id, _) = world.authorized(1_000, "tok_ok").await;
    assert_eq!(
        told(&world.refund(&id, Some(100), "same").await.unwrap_err()).1,
        "NOT_CAPTURED",
        "nothing was begun"
    );
    world.capture(&id, None, "same").await.unwrap();
    assert_eq!(world.refund(&id, Some(100), "same").await.unwrap().state(), State::PartiallyRefunded);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_comes_many_times_at_once_is_done_once() {
    let mut world = World::start().await;
    let (id, user) = world.captured(1_000, "tok_ok").await;
    let refunds: Vec<_> = (0..16)
        .map(|_| {
            let (mut payments, id) = (world.payments.clone(), id.clone());
            let request = proto::payment::v1::RefundPaymentRequest {
                payment_id: id,
                amount: Some(money(100)),
                request_id: "refund".to_owned(),
            };
            tokio::spawn(async move { payments.refund_payment(request).await })
        })
        .collect();
    for refund in refunds {
        let payment = refund.await.unwrap().unwrap().into_inner().payment.unwrap();
        assert_eq!((payment.state(), payment.refunded), (State::PartiallyRefunded, Some(money(100))));
    }
    let creations: Vec<_> = (0..16)
        .map(|_| {
            let (mut payments, order) = (world.payments.clone(), order(&user, 10, "tok_ok", "create"));
            tokio::spawn(async move { payments.create_payment(order).await })
        })
        .collect();
    let mut ids = Vec::new();
    for creation in creations {
        ids.push(creation.await.unwrap().unwrap().into_inner().payment.unwrap().payment_id);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "every repeat is told of the same payment");
    assert_eq!(world.transactions().await.len(), 4);
    world.stop().await;
}
