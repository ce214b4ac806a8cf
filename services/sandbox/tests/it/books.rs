//! What the books allow.

use proto::provider::v1::{ExecuteRequest, Kind, Status};
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::bench::{Bench, NOW, order, told};

#[tokio::test]
async fn money_is_held_taken_in_part_and_given_back_in_parts() {
    let bench = Bench::start().await;
    let steps = [(Kind::Authorize, 1_000), (Kind::Capture, 600), (Kind::Refund, 250), (Kind::Refund, 350)];
    for (number, (kind, amount)) in (1..).zip(steps) {
        let done = bench.asker.execute(order(&format!("p:{number}"), kind, amount)).await.unwrap();
        assert_eq!((done.kind(), done.amount_minor, done.status()), (kind, amount, Status::Settled));
        assert_eq!((done.currency.as_str(), done.decline_code.as_str()), ("EUR", ""));
        assert_eq!(done.create_time, Some(service_kit::clock::timestamp(NOW)));
    }
    bench.asker.execute(order("q:1", Kind::Authorize, 5)).await.unwrap();
    bench.asker.execute(order("q:2", Kind::Void, 5)).await.unwrap();
    assert_eq!(bench.asker.all().await.len(), 6);
    bench.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_not_recorded() {
    let bench = Bench::start().await;
    let possible = [
        order("held:1", Kind::Authorize, 100),
        order("voided:1", Kind::Authorize, 100),
        order("voided:2", Kind::Void, 100),
        order("taken:1", Kind::Authorize, 100),
        order("taken:2", Kind::Capture, 60),
        order("taken:3", Kind::Refund, 50),
    ];
    for request in &possible {
        bench.asker.execute(request.clone()).await.unwrap();
    }
    let other_currency = ExecuteRequest { currency: "USD".to_owned(), ..order("held:9", Kind::Capture, 100) };
    let impossible = [
        (order("new:9", Kind::Capture, 1), "NOT_AUTHORIZED"),
        (order("new:9", Kind::Void, 1), "NOT_AUTHORIZED"),
        (order("new:9", Kind::Refund, 1), "NOT_AUTHORIZED"),
        (order("held:9", Kind::Authorize, 100), "ALREADY_AUTHORIZED"),
        (order("held:9", Kind::Capture, 101), "ABOVE_AUTHORIZED"),
        (order("held:9", Kind::Void, 99), "OTHER_AMOUNT"),
        (order("held:9", Kind::Refund, 1), "NOT_CAPTURED"),
        (other_currency, "OTHER_CURRENCY"),
        (order("voided:9", Kind::Authorize, 100), "ALREADY_AUTHORIZED"),
        (order("voided:9", Kind::Capture, 1), "ALREADY_VOIDED"),
        (order("voided:9", Kind::Void, 100), "ALREADY_VOIDED"),
        (order("voided:9", Kind::Refund, 1), "NOT_CAPTURED"),
        (order("taken:9", Kind::Capture, 40), "ALREADY_CAPTURED"),
        (order("taken:9", Kind::Void, 100), "ALREADY_CAPTURED"),
        (order("taken:9", Kind::Refund, 11), "ABOVE_CAPTURED"),
        (order("taken:9", Kind::Refund, i64::MAX), "ABOVE_CAPTURED"),
    ];
    for (request, reason) in impossible {
        let key = request.key.clone();
        let refused = bench.asker.execute(request).await.unwrap_err();
        assert_eq!(told(&refused), (Code::FailedPrecondition, reason.to_owned()), "{key}");
        assert_eq!(bench.asker.lookup(&key).await, None);
    }
    assert_eq!(bench.asker.all().await.len(), possible.len());
    // What was refused under a key may be possible later.
    bench.asker.execute(order("taken:9", Kind::Refund, 10)).await.unwrap();
    bench.stop().await;
}

#[tokio::test]
async fn of_many_captures_at_once_one_is_done() {
    let bench = Bench::start().await;
    bench.asker.execute(order("p:1", Kind::Authorize, 100)).await.unwrap();
    let captures = (2..18).map(|number| {
        let asker = bench.asker.clone();
        async move { asker.execute(order(&format!("p:{number}"), Kind::Capture, 10)).await }
    });
    let answers = futures_util::future::join_all(captures).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(bench.asker.all().await.len(), 2);
    bench.stop().await;
}

#[tokio::test]
async fn everything_wrong_with_a_request_is_told_at_once() {
    let bench = Bench::start().await;
    let refused = bench.asker.execute(ExecuteRequest::default()).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "REQUEST_INVALID".to_owned()));
    let fields = refused.get_details_bad_request().unwrap().field_violations;
    let fields: Vec<_> = fields.into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["key", "kind", "amount_minor", "currency", "payment_method"]);
    let good = order("p:1", Kind::Authorize, 100);
    let wrong = [
        (ExecuteRequest { key: "p".to_owned(), ..good.clone() }, "KEY_INVALID"),
        (ExecuteRequest { kind: 9, ..good.clone() }, "KIND_INVALID"),
        (ExecuteRequest { amount_minor: 0, ..good.clone() }, "AMOUNT_NOT_POSITIVE"),
        (ExecuteRequest { amount_minor: -1, ..good.clone() }, "AMOUNT_NOT_POSITIVE"),
        (ExecuteRequest { currency: "XAU".to_owned(), ..good.clone() }, "CURRENCY_INVALID"),
        (ExecuteRequest { payment_method: "to k".to_owned(), ..good.clone() }, "PAYMENT_METHOD_INVALID"),
    ];
    for (request, reason) in wrong {
        let refused = bench.asker.execute(request).await.unwrap_err();
        assert_eq!(told(&refused), (Code::InvalidArgument, reason.to_owned()));
    }
    let lookup = proto::provider::v1::LookupRequest { key: "nonsense".to_owned() };
    let refused = bench.asker.0.clone().lookup(lookup).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "KEY_INVALID".to_owned()));
    assert_eq!(bench.asker.all().await, []);
    bench.stop().await;
}
