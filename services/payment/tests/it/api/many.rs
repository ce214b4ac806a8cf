//! Many at once.

use proto::payment::v1::{Payment, RefundPaymentRequest, State};

use crate::world::{World, money, order, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_payments_from_one_book_all_succeed() {
    let mut world = World::start().await;
    for payment in pay_from_one_book(&mut world, 100).await {
        assert_eq!(payment.state(), State::Captured);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refunds_that_are_too_much_together_are_not_both_done() {
    too_much_together_is_not_done(World::start().await).await;
}

/// So many payments of one user at once, captured at once; as they are answered. In the end they add up.
pub(crate) async fn pay_from_one_book(world: &mut World, count: i64) -> Vec<Payment> {
    let user = world.user("ada@example.org").await;
    let payments: Vec<_> = (0..count)
        .map(|n| {
            let (mut payments, mut order) =
                (world.payments.clone(), order(&user, 10, "tok_ok", &format!("create {n}")));
            order.capture_immediately = true;
            tokio::spawn(async move { payments.create_payment(order).await })
        })
        .collect();
    let mut answered = Vec::new();
    for payment in payments {
        answered.push(payment.await.unwrap().unwrap().into_inner().payment.unwrap());
    }
    for payment in &answered {
        world.until(&payment.payment_id, State::Captured).await;
    }
    let balance = world.balance(&user).await;
    assert_eq!((balance.captured_minor, balance.held_minor), (10 * count, 0));
    assert_eq!(balance.version, 3 * count);
    assert_eq!(world.transactions().await.len(), usize::try_from(2 * count).unwrap());
    answered
}

pub(crate) async fn too_much_together_is_not_done(mut world: World) {
    let (id, user) = world.captured(1_000, "tok_ok").await;
    let refunds: Vec<_> = (0..2)
        .map(|n| {
            let mut payments = world.payments.clone();
            let request = RefundPaymentRequest {
                payment_id: id.clone(),
                amount: Some(money(600)),
                request_id: format!("refund {n}"),
            };
            tokio::spawn(async move { payments.refund_payment(request).await })
        })
        .collect();
    let (mut done, mut refused) = (0, Vec::new());
    for refund in refunds {
        match refund.await.unwrap() {
            Ok(_) => done += 1,
            Err(status) => refused.push(told(&status).1),
        }
    }
    assert_eq!((done, refused.len()), (1, 1), "{refused:?}");
    assert!(["OPERATION_UNDER_WAY", "AMOUNT_ABOVE_CAPTURED"].contains(&refused[0].as_str()), "{refused:?}");
    let balance = world.balance(&user).await;
    assert_eq!((balance.refunded_minor, balance.refunding_minor, balance.available_minor), (600, 0, 400));
    world.stop().await;
}
