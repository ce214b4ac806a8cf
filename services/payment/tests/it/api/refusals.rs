//! What is refused, and how callers are told why.

use proto::{
    payment::v1::{CapturePaymentRequest, CreatePaymentRequest, GetPaymentRequest, Money, State},
    user::v1::DeleteUserRequest,
};
use tonic::Code;
use tonic_types::StatusExt as _;
use uuid::Uuid;

use crate::world::{Setup, World, order, told};

fn refused(reason: &str) -> (Code, String) {
    (Code::FailedPrecondition, reason.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_no_user_does_not_pay() {
    let mut world = World::start().await;
    let nobody = Uuid::from_u128(7).to_string();
    let status = world.create(order(&nobody, 100, "tok_ok", "nobody")).await.unwrap_err();
    assert_eq!(told(&status), refused("USER_NOT_FOUND"));
    let user = world.user("ada@example.org").await;
    let delete = DeleteUserRequest { user_id: user.clone(), ..Default::default() };
    world.users.delete_user(delete).await.unwrap();
    let status = world.create(order(&user, 100, "tok_ok", "gone")).await.unwrap_err();
    assert_eq!(told(&status), refused("USER_NOT_FOUND"));
    assert_eq!(world.transactions().await, []);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_pays_while_nobody_can_say_who_is_a_user() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let paid = world.create(order(&user, 100, "tok_ok", "paid")).await.unwrap();
    world.stop_users().await;
    let status = world.create(order(&user, 100, "tok_ok", "other")).await.unwrap_err();
    assert_eq!(told(&status), (Code::Unavailable, "USER_SERVICE_UNAVAILABLE".to_owned()));
    let again = world.create(order(&user, 100, "tok_ok", "paid")).await.unwrap();
    assert_eq!(again, paid, "what was begun before needs nobody's word");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_is_taken_than_was_authorized_nor_given_back_than_was_taken() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    let status = world.capture(&id, Some(1_001), "above").await.unwrap_err();
    assert_eq!(told(&status), refused("AMOUNT_ABOVE_AUTHORIZED"));
    let info = status.get_details_error_info().unwrap().metadata;
    assert_eq!((info["asked_minor"].as_str(), info["authorized_minor"].as_str()), ("1001", "1000"));

    world.capture(&id, Some(600), "capture").await.unwrap();
    world.refund(&id, Some(100), "refund").await.unwrap();
    let status = world.refund(&id, Some(501), "above").await.unwrap_err();
    assert_eq!(told(&status), refused("AMOUNT_ABOVE_CAPTURED"));
    let info = status.get_details_error_info().unwrap().metadata;
    assert_eq!((info["asked_minor"].as_str(), info["available_minor"].as_str()), ("501", "500"));
    assert_eq!(world.balance(&user).await.available_minor, 500);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_in_a_state_is_told_by_its_reason() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    assert_eq!(told(&world.refund(&id, None, "early").await.unwrap_err()), refused("NOT_CAPTURED"));
    world.capture(&id, None, "capture").await.unwrap();
    assert_eq!(told(&world.capture(&id, None, "again").await.unwrap_err()), refused("ALREADY_CAPTURED"));
    let late = world.cancel(&id, "late").await.unwrap_err();
    assert_eq!(told(&late), refused("ALREADY_CAPTURED"));
    assert_eq!(late.get_details_error_info().unwrap().metadata["state"], "CAPTURED");
    world.refund(&id, None, "all").await.unwrap();
    for status in [
        world.refund(&id, None, "more").await.unwrap_err(),
        world.capture(&id, None, "more").await.unwrap_err(),
        world.cancel(&id, "more").await.unwrap_err(),
    ] {
        assert_eq!(told(&status), refused("PAYMENT_FINAL"));
    }
    let declined = world.create(order(&user, 10, "tok_decline", "declined")).await.unwrap().payment_id;
    assert_eq!(told(&world.capture(&declined, None, "no").await.unwrap_err()), refused("PAYMENT_FINAL"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn currencies_are_not_mixed() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    let yen = Some(Money { amount_minor: 10, currency: "JPY".to_owned() });
    let request = CapturePaymentRequest { payment_id: id, amount: yen.clone(), request_id: "yen".to_owned() };
    let status = world.payments.capture_payment(request).await.unwrap_err();
    assert_eq!(told(&status), (Code::InvalidArgument, "CURRENCY_MISMATCH".to_owned()));
    // Another currency is another book.
    let order = CreatePaymentRequest { amount: yen, ..order(&user, 0, "tok_ok", "book") };
    assert_eq!(world.create(order).await.unwrap().state(), State::Authorized);
    assert_eq!(world.balance(&user).await.held_minor, 1_000);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_is_not_there_is_not_found() {
    let mut world = World::start().await;
    let id = Uuid::from_u128(7).to_string();
    let not_found = (Code::NotFound, "PAYMENT_NOT_FOUND".to_owned());
    let get = GetPaymentRequest { payment_id: id.clone() };
    assert_eq!(told(&world.payments.get_payment(get).await.unwrap_err()), not_found);
    assert_eq!(told(&world.capture(&id, None, "r").await.unwrap_err()), not_found);
    assert_eq!(told(&world.cancel(&id, "r").await.unwrap_err()), not_found);
    assert_eq!(told(&world.refund(&id, None, "r").await.unwrap_err()), not_found);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expired_authorization_is_not_captured() {
    let mut world = World::start_with(Setup { sweeps: false, ..Setup::default() }).await;
    let (id, _) = world.authorized(1_000, "tok_ok").await;
    world.hand.advance(Setup::default().authorization_ttl);
    let status = world.capture(&id, None, "late").await.unwrap_err();
    assert_eq!(told(&status), refused("AUTHORIZATION_EXPIRED"));
    assert_eq!(world.get(&id).await.unwrap().state(), State::Authorized);
    world.stop().await;
}
