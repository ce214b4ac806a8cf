//! Mistakes in requests: all of them are told at once.

use proto::payment::v1::{
    CancelPaymentRequest, CapturePaymentRequest, CreatePaymentRequest, GetBalanceRequest, GetPaymentRequest,
    ListLedgerEntriesRequest, ListPaymentsRequest, Money, RefundPaymentRequest,
};
use tonic::Code;

use crate::world::{World, fields, money, order, told};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_wrong_is_named() {
    let mut world = World::start().await;
    let wrong = CreatePaymentRequest {
        user_id: "ada".to_owned(),
        amount: Some(Money { amount_minor: 0, currency: "EURO".to_owned() }),
        payment_method: "my card".to_owned(),
        capture_immediately: false,
        request_id: String::new(),
    };
    let status = world.create(wrong).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "REQUEST_INVALID".to_owned()));
    let expected = ["user_id", "amount.currency", "amount.amount_minor", "payment_method", "request_id"];
    assert_eq!(fields(&status), expected);
    assert!(!format!("{status:?}").contains("my card"), "not even a wrong method is repeated");

    let amount = Some(money(-1));
    let capture =
        CapturePaymentRequest { payment_id: "7".to_owned(), amount: amount.clone(), ..Default::default() };
    let status = world.payments.capture_payment(capture).await.unwrap_err();
    assert_eq!(fields(&status), ["payment_id", "amount.amount_minor", "request_id"]);
    let refund = RefundPaymentRequest { payment_id: "7".to_owned(), amount, request_id: "x".repeat(65) };
    let status = world.payments.refund_payment(refund).await.unwrap_err();
    assert_eq!(fields(&status), ["payment_id", "amount.amount_minor", "request_id"]);
    let status = world.payments.cancel_payment(CancelPaymentRequest::default()).await.unwrap_err();
    assert_eq!(fields(&status), ["payment_id", "request_id"]);

    let list = ListPaymentsRequest { page_size: -1, ..Default::default() };
    assert_eq!(fields(&world.payments.list_payments(list).await.unwrap_err()), ["user_id", "page_size"]);
    let list = ListLedgerEntriesRequest { page_size: -1, ..Default::default() };
    let status = world.payments.list_ledger_entries(list).await.unwrap_err();
    assert_eq!(fields(&status), ["user_id", "currency", "page_size"]);
    let status = world.payments.get_balance(GetBalanceRequest::default()).await.unwrap_err();
    assert_eq!(fields(&status), ["user_id", "currency"]);
    let status = world.payments.get_payment(GetPaymentRequest::default()).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "PAYMENT_ID_INVALID".to_owned()));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_without_an_id_or_an_amount_moves_nothing() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let status = world.create(order(&user, 100, "tok_ok", "")).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "REQUEST_ID_REQUIRED".to_owned()));
    let order = CreatePaymentRequest { amount: None, ..order(&user, 100, "tok_ok", "create") };
    let status = world.create(order.clone()).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "AMOUNT_MISSING".to_owned()));
    let gold = Some(Money { amount_minor: 1, currency: "XAU".to_owned() });
    let status = world.create(CreatePaymentRequest { amount: gold, ..order }).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "CURRENCY_UNSUPPORTED".to_owned()));
    assert_eq!(world.transactions().await, []);
    world.stop().await;
}
