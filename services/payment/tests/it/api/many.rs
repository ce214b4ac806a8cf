//! Many at once.

use proto::payment::v1::{RefundPaymentRequest, State};

use crate::world::{World, money, order, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_payments_from_one_book_all_succeed() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let payments: Vec<_> = (0..100)
        .map(|n| {
            let (mut payments, mut order) =
                (world.payments.clone(), order(&user, 10, "tok_ok", &format!("create {n}")));
            order.capture_immediately = true;
            tokio::spawn(async move { payments.create_payment(order).await })
        })
        .collect();
    for payment in payments {
        let payment = payment.await.unwrap().unwrap().into_inner().payment.unwrap();
        assert_eq!(payment.state(), State::Captured);
    }
    let balance = world.balance(&user).await;
    assert_eq!((balance.captured_minor, balance.held_minor, balance.version), (1_000, 0, 300));
    assert_eq!(world.transactions().await.len(), 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn refunds_that_are_too_much_together_are_not_both_done() {
    let mut world = World::start().await;
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
