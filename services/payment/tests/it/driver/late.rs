//! Callers whose time is over before it is their turn: what they asked for is not begun.

use std::time::Duration;

use mesh_rpc::deadline::{Deadline, scope};
use payment::{
    app::{Kept, StepError},
    domain::{Outcome, Payment},
    store::StoreError,
};

use super::alone::Alone;
use crate::conformance::support::{euro, euros_of, new, request};

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_begun() {
    let alone = Alone::with(|store| store).await;
    let (books, now) = (alone.books(), alone.clock.now());
    let over = || Deadline::after(Duration::ZERO).unwrap();
    let in_time = || Deadline::after(Duration::from_secs(3_600)).unwrap();
    let step = Payment::create(new(1, euro(10), now), now).unwrap();
    let named = |id: &str| request(id, "").unwrap();

    let late = scope(over(), books.create(step.clone(), named("create"))).await;
    assert!(matches!(late, Err(StoreError::Stale)), "{late:?}");
    assert_eq!(alone.store.book(euros_of(1)).await.unwrap().version, 0);
    let Ok(Kept::Now(at)) = scope(in_time(), books.create(step, named("create"))).await else {
        panic!("nothing is wrong with the step")
    };

    // How something ended that was begun is kept, whoever waits for it.
    let settle =
        books.step(*at, None, |at, now| at.payment.settle(at.open.as_ref().unwrap(), Outcome::Settled, now));
    let Ok(Kept::Now(at)) = scope(over(), settle).await else { panic!("a driver is never late") };
    let capture =
        |id: &str| books.step((*at).clone(), request(id, ""), |at, now| at.payment.capture(None, now));
    let late = scope(over(), capture("capture")).await;
    assert!(matches!(late, Err(StepError::Store(StoreError::Stale))), "{late:?}");
    assert_eq!(alone.store.book(euros_of(1)).await.unwrap().version, 2);
    assert!(matches!(scope(in_time(), capture("capture")).await, Ok(Kept::Now(_))));
}
