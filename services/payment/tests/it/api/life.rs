//! The lives of payments as callers see them.

use proto::{
    payment::v1::{Account, Cancellation, CreatePaymentRequest, LedgerEntry, Phase, State},
    provider::v1::{Kind, Status},
};

use crate::world::{START, World, money, order};

/// What an entry does about how much.
fn moves(entry: &LedgerEntry) -> (Phase, Account, i64) {
    (entry.phase(), entry.debit_account(), entry.amount.as_ref().unwrap().amount_minor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_is_authorized_captured_in_part_and_refunded_to_the_last_cent() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    assert_eq!(world.balance(&user).await.held_minor, 1_000);

    let captured = world.capture(&id, Some(600), "capture").await.unwrap();
    assert_eq!((captured.state(), captured.captured), (State::Captured, Some(money(600))));
    for (minor, request, state) in [
        (Some(100), "first", State::PartiallyRefunded),
        (Some(200), "second", State::PartiallyRefunded),
        (None, "rest", State::Refunded),
    ] {
        assert_eq!(world.refund(&id, minor, request).await.unwrap().state(), state, "{request}");
    }
    let payment = world.get(&id).await.unwrap();
    assert_eq!((payment.amount, payment.refunded), (Some(money(1_000)), Some(money(600))));

    let balance = world.balance(&user).await;
    assert_eq!((balance.captured_minor, balance.refunded_minor), (600, 600));
    assert_eq!((balance.held_minor, balance.refunding_minor, balance.available_minor), (0, 0, 0));
    let ledger = world.ledger(&user).await;
    let expected = [
        (Phase::Pending, Account::Customer, 1_000),
        (Phase::Posted, Account::Customer, 600),
        (Phase::Pending, Account::Merchant, 100),
        (Phase::Posted, Account::Merchant, 100),
        (Phase::Pending, Account::Merchant, 200),
        (Phase::Posted, Account::Merchant, 200),
        (Phase::Pending, Account::Merchant, 300),
        (Phase::Posted, Account::Merchant, 300),
    ];
    assert_eq!(ledger.iter().map(moves).collect::<Vec<_>>(), expected);
    assert!(ledger.is_sorted_by_key(|entry| entry.sequence));
    assert_eq!(ledger[1].operation, format!("{id}:2"));

    let done = [(1, Kind::Authorize, 1_000), (2, Kind::Capture, 600), (3, Kind::Refund, 100)];
    let done = done.into_iter().chain([(4, Kind::Refund, 200), (5, Kind::Refund, 300)]);
    let done: Vec<_> =
        done.map(|(seq, kind, minor)| (format!("{id}:{seq}"), kind, minor, Status::Settled)).collect();
    assert_eq!(world.transactions().await, done, "the provider's books say the same");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_immediate_capture_is_answered_captured_and_each_step_is_told_once() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let order = CreatePaymentRequest { capture_immediately: true, ..order(&user, 1_050, "tok_ok", "create") };
    let payment = world.create(order).await.unwrap();
    assert_eq!((payment.state(), payment.captured), (State::Captured, Some(money(1_050))));
    assert_eq!((payment.version, payment.user_id.as_str()), (3, user.as_str()));
    world.refund(&payment.payment_id, Some(50), "refund").await.unwrap();

    let mut events = world.envelopes().await;
    events.sort_by_key(|event| event.version);
    let kinds: Vec<_> = events.iter().map(|event| event.kind.to_string()).collect();
    assert_eq!(kinds, ["payment.authorized", "payment.captured", "payment.refunded"]);
    let body: serde_json::Value = serde_json::from_slice(&events[2].body).unwrap();
    let told = ["amount_minor", "total_refunded_minor", "captured_minor"].map(|field| body[field].clone());
    assert_eq!(told.map(|value| value.to_string().replace('"', "")), ["50", "50", "1050"]);
    assert!(events.iter().all(|event| event.subject.to_string() == payment.payment_id));
    let trace = |n: usize| events[n].traceparent.as_deref().unwrap().split('-').nth(1).unwrap();
    assert_eq!(trace(0), trace(1), "both are of the call that created the payment");
    assert_ne!(trace(1), trace(2), "the refund was another call");
    let is_secret = |event: &mesh_events::Envelope| !String::from_utf8_lossy(&event.body).contains("tok_");
    assert!(events.iter().all(is_secret), "the method is told to nobody");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_is_canceled_before_it_is_captured() {
    let mut world = World::start().await;
    let (id, user) = world.authorized(1_000, "tok_ok").await;
    let canceled = world.cancel(&id, "cancel").await.unwrap();
    assert_eq!((canceled.state(), canceled.cancellation()), (State::Voided, Cancellation::Requested));
    let balance = world.balance(&user).await;
    assert_eq!((balance.held_minor, balance.captured_minor, balance.version), (0, 0, 4));
    assert_eq!(world.events().await, ["payment.authorized", "payment.canceled"]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_of_the_provider_is_a_state_and_no_error() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let payment = world.create(order(&user, 1_000, "tok_decline", "create")).await.unwrap();
    assert_eq!(payment.state(), State::Declined);
    assert_eq!(payment.decline_code, "insufficient_funds");
    assert_eq!(world.ledger(&user).await, []);
    assert_eq!(world.events().await, ["payment.failed"]);
    let start = i64::try_from(START.0 / 1_000).unwrap();
    assert_eq!(payment.expire_time.unwrap().seconds, start + 24 * 3_600);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_capture_or_a_refund_that_is_refused_leaves_the_payment_as_it_was() {
    let mut world = World::start().await;
    let (id, _) = world.authorized(1_000, "tok_decline_capture").await;
    let payment = world.capture(&id, None, "capture").await.unwrap();
    assert_eq!((payment.state(), payment.decline_code.as_str()), (State::Authorized, "capture_refused"));

    let user = world.user("bob@example.org").await;
    let order =
        CreatePaymentRequest { capture_immediately: true, ..order(&user, 700, "tok_decline_refund", "bob") };
    let id = world.create(order).await.unwrap().payment_id;
    let payment = world.refund(&id, Some(300), "refund").await.unwrap();
    assert_eq!((payment.state(), payment.decline_code.as_str()), (State::Captured, "refund_refused"));
    let balance = world.balance(&user).await;
    assert_eq!((balance.refunding_minor, balance.available_minor), (0, 700));
    assert_eq!(world.refund(&id, Some(300), "refund").await.unwrap(), payment, "a repeat is told the same");

    let failed: Vec<serde_json::Value> = world
        .envelopes()
        .await
        .iter()
        .filter(|event| event.kind.to_string() == "payment.failed")
        .map(|event| serde_json::from_slice(&event.body).unwrap())
        .collect();
    let mut operations: Vec<_> = failed.iter().map(|body| body["operation"].to_string()).collect();
    operations.sort();
    assert_eq!(operations, ["\"capture\"", "\"refund\""]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_costs_two_commits() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let jobs = |world: &World| world.service().engine.stats().jobs;
    let before = jobs(&world);
    let id = world.create(order(&user, 1_000, "tok_ok", "create")).await.unwrap().payment_id;
    assert_eq!(jobs(&world) - before, 2, "what is going to be asked, and what was answered");
    world.capture(&id, None, "capture").await.unwrap();
    world.refund(&id, None, "refund").await.unwrap();
    assert_eq!(jobs(&world) - before, 6);
    world.capture(&id, None, "capture").await.unwrap();
    assert_eq!(jobs(&world) - before, 6, "a repeat costs none");
    world.stop().await;
}
