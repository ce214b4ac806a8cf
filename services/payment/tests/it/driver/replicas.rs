//! Two services on one store: neither knows the other, and the store alone says who came first.

use payment::{
    app::{Books, Kept, StepError},
    domain::{Outcome, Payment, State},
    store::StoreError,
};
use service_kit::clock::UnixMillis;

use super::alone::Alone;
use crate::conformance::support::{euro, euros_of, new, request};

/// Authorizes one payment and says so, coming again whenever others were quicker every time.
async fn authorize(books: Books, n: u64, now: UnixMillis) {
    let step = Payment::create(new(n, euro(10), now), now).unwrap();
    let request = request(&format!("create {n}"), "").unwrap();
    let at = loop {
        match books.create(step.clone(), request.clone()).await {
            Ok(Kept::Now(at)) => break at,
            Err(StoreError::Stale) => {}
            other => panic!("{other:?}"),
        }
    };
    loop {
        let settle = books.step((*at).clone(), None, |at, now| {
            at.payment.settle(at.open.as_ref().unwrap(), Outcome::Settled, now)
        });
        match settle.await {
            Ok(Kept::Now(at)) => return assert_eq!(at.payment.state, State::Authorized),
            Err(StepError::Store(StoreError::Stale)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_services_on_one_book_lose_nothing_of_each_other() {
    let alone = Alone::with(|store| store).await;
    lose_nothing_of_each_other([alone.books(), alone.books()], alone.clock.now()).await;
}

/// Two services authorize payments of one book, and each finds it as it must be then.
pub(crate) async fn lose_nothing_of_each_other(replicas: [Books; 2], now: UnixMillis) {
    let work: Vec<_> = (0..40)
        .map(|n| tokio::spawn(authorize(replicas[usize::try_from(n % 2).unwrap()].clone(), n, now)))
        .collect();
    for payment in work {
        payment.await.unwrap();
    }
    for store in replicas.iter().map(Books::store) {
        let book = store.book(euros_of(1)).await.unwrap();
        assert_eq!((book.version, book.balance.held), (80, 400));
        assert_eq!(store.open_operations(None, 1).await.unwrap(), []);
    }
}
