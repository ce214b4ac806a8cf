//! Payments to test with.

use std::time::Duration;

use mesh_events::{Envelope, EventKind};
use payment::{
    domain::{
        BookId, Currency, DeclineCode, Money, NewPayment, Outcome, Payment, PaymentId, PaymentMethod,
        Refused, Step, UserId,
    },
    store::{Applied, Commit, PaymentStore, Standing, StoreError},
};
use service_kit::{clock::UnixMillis, requests::Request};
use uuid::Uuid;

/// How long an authorization is held.
pub(crate) const HOLD: Duration = Duration::from_secs(60);

pub(crate) fn user(n: u64) -> UserId {
    UserId(Uuid::from_u128(u128::from(n)))
}

pub(crate) fn money(minor: i64, code: &str) -> Money {
    Money::new(minor, Currency::parse("currency", code).unwrap())
}

pub(crate) fn euro(minor: i64) -> Money {
    money(minor, "EUR")
}

pub(crate) fn euros_of(n: u64) -> BookId {
    BookId { user: user(n), currency: euro(0).currency() }
}

pub(crate) fn declined() -> Outcome {
    Outcome::Declined(DeclineCode::new("no_funds"))
}

/// The `n`th payment of that time.
pub(crate) fn id(n: u64, now: UnixMillis) -> PaymentId {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&n.to_be_bytes());
    PaymentId::at(now, random)
}

/// The `n`th payment, by the first user.
pub(crate) fn new(n: u64, amount: Money, now: UnixMillis) -> NewPayment {
    NewPayment {
        id: id(n, now),
        user: user(1),
        amount,
        method: PaymentMethod::parse("method", "tok_ok").unwrap(),
        is_immediate: false,
        expires: now.after(HOLD),
    }
}

/// A request with the content as its fingerprint.
pub(crate) fn request(id: &str, content: &str) -> Option<Request> {
    Request::new("test", id, &[content.as_bytes()]).unwrap()
}

/// The commit of a step, with an event of its own.
pub(crate) fn commit(step: Step, request: Option<Request>) -> Commit {
    let payment = &step.payment;
    let event = Envelope {
        id: payment.id.event_id("payment.changed", payment.version),
        kind: EventKind::from_static("payment.changed"),
        subject: payment.id.0,
        version: payment.version,
        occur_time_ms: payment.updated.0,
        body: "{}".into(),
        traceparent: None,
    };
    Commit { step, request, event: Some(event) }
}

pub(crate) async fn standing(store: &dyn PaymentStore, id: PaymentId) -> Standing {
    store.payment(id).await.unwrap().unwrap()
}

/// Keeps the first step of a payment, upon its book as it is now.
pub(crate) async fn create(
    store: &dyn PaymentStore,
    new: NewPayment,
    request: Option<Request>,
    now: UnixMillis,
) -> Result<Applied, StoreError> {
    let step = Payment::create(new, now).unwrap();
    let book = step.payment.book();
    let version = store.book(book).await.unwrap().version;
    store.apply(book, version, commit(step, request)).await
}

/// Keeps the step that `decide` makes of the payment as it is now.
pub(crate) async fn take(
    store: &dyn PaymentStore,
    id: PaymentId,
    decide: impl FnOnce(&Payment) -> Result<Step, Refused>,
) -> Result<Applied, StoreError> {
    let at = standing(store, id).await;
    store.apply(at.payment.book(), at.version, commit(decide(&at.payment).unwrap(), None)).await
}

/// Keeps how the payment's open operation ended.
pub(crate) async fn settle(store: &dyn PaymentStore, id: PaymentId, outcome: Outcome, now: UnixMillis) {
    let at = standing(store, id).await;
    let step = at.payment.settle(&at.open.unwrap(), outcome, now).unwrap();
    store.apply(at.payment.book(), at.version, commit(step, None)).await.unwrap();
}

/// The `n`th payment, authorized.
pub(crate) async fn authorized(
    store: &dyn PaymentStore,
    n: u64,
    amount: Money,
    now: UnixMillis,
) -> PaymentId {
    create(store, new(n, amount, now), None, now).await.unwrap();
    settle(store, id(n, now), Outcome::Settled, now).await;
    id(n, now)
}

/// The `n`th payment, captured whole.
pub(crate) async fn captured(store: &dyn PaymentStore, n: u64, amount: Money, now: UnixMillis) -> PaymentId {
    let id = authorized(store, n, amount, now).await;
    take(store, id, |payment| payment.capture(None, now)).await.unwrap();
    settle(store, id, Outcome::Settled, now).await;
    id
}
