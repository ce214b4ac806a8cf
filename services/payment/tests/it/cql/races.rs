//! Two services, each with a session of its own.

use payment::{
    domain::{Broken, Payment, State},
    store::{Applied, PaymentStore, StoreError},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::Cluster;
use crate::conformance::{
    Harness as _,
    races::refund_stubbornly,
    support::{captured, commit, euro, euros_of, id, money, new, standing},
};

const SEED: u64 = 20_261_124;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_through_two_sessions_are_never_above_what_was_captured() {
    let cluster = Cluster::new().await;
    let sessions = [cluster.another("a").await, cluster.another("b").await];
    let (now, mut random) = (cluster.now(), StdRng::seed_from_u64(SEED));
    for round in 0..100 {
        let (whole, parts) = (random.random_range(10..1_000), random.random_range(1..5));
        let part = whole / parts + random.random_range(0..2);
        let payment = captured(&sessions[0], round, euro(whole), now).await;
        let racers = sessions.clone().into_iter().cycle().take(4).map(|session| {
            tokio::spawn(async move { refund_stubbornly(&session, payment, euro(part), now).await })
        });
        let racers: Vec<_> = racers.collect();
        let mut done = 0;
        for racer in racers {
            done += i64::from(racer.await.unwrap());
        }
        assert_eq!(done, (whole / part).min(4), "round {round}: {part} of {whole}");
        let at = standing(&sessions[1], payment).await;
        assert_eq!(at.payment.balance.refunded, i128::from(done * part), "round {round}");
        assert_eq!((at.payment.balance.refunding, at.open), (0, None), "round {round}");
    }
    let book = cluster.store().book(euros_of(1)).await.unwrap();
    assert!(book.balance.available() >= 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_two_books_want_at_once_belongs_to_one() {
    let cluster = Cluster::new().await;
    let sessions = [cluster.another("a").await, cluster.another("b").await];
    for round in 0..20 {
        let racers: Vec<_> = sessions
            .clone()
            .into_iter()
            .zip(["EUR", "USD"])
            .map(|(session, code)| {
                let step = Payment::create(new(round, money(1, code), cluster.now()), cluster.now()).unwrap();
                tokio::spawn(async move {
                    let book = step.payment.book();
                    loop {
                        let version = session.book(book).await.unwrap().version;
                        match session.apply(book, version, commit(step.clone(), None)).await {
                            Err(StoreError::Stale) => {}
                            other => return other,
                        }
                    }
                })
            })
            .collect();
        let (mut kept, mut refused) = (0, 0);
        for racer in racers {
            match racer.await.unwrap() {
                Ok(Applied::Now { .. }) => kept += 1,
                Err(StoreError::Broken(Broken::NotTheNext)) => refused += 1,
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert_eq!((kept, refused), (1, 1), "round {round}");
        let at = standing(&sessions[0], id(round, cluster.now())).await;
        assert_eq!(at.payment.state, State::Authorizing);
    }
    let open = cluster.store().open_operations(None, 100).await.unwrap();
    assert_eq!(open.len(), 20, "what the loser pointed to is passed over");
}
