//! Work is found, whatever is left of it, and what is done is not crossed for ever.

use std::time::Duration;

use payment::{
    domain::{Outcome, Payment, ProviderKey},
    store::PaymentStore as _,
};
use service_kit::cql::{Cql, Purpose};

use super::Cluster;
use crate::conformance::{
    Harness as _,
    support::{HOLD, authorized, commit, create, euro, euros_of, id, new, request, settle},
};

const MINUTE: Duration = Duration::from_secs(60);

/// What is in a table, as the number of its rows.
async fn rows(session: &Cql, table: &str) -> usize {
    let select = session.prepare(Purpose::Read, &format!("SELECT * FROM {table}")).await.unwrap();
    session.rows(&select, ()).await.unwrap().rows_num()
}

/// The minutes in which open operations are filed.
async fn minutes(session: &Cql) -> Vec<i64> {
    let select = session.prepare(Purpose::Read, "SELECT kind, slice FROM payment_work").await.unwrap();
    let found = session.rows(&select, ()).await.unwrap();
    let mut found: Vec<_> = found.rows::<(i8, i64)>().unwrap().map(|row| row.unwrap()).collect();
    found.retain(|(kind, _)| *kind == 1);
    found.into_iter().map(|(_, minute)| minute).collect()
}

async fn floor(session: &Cql, kind: i8) -> i64 {
    let select = "SELECT floor FROM payment_work_floor WHERE kind = ?";
    let select = session.prepare(Purpose::Decide, select).await.unwrap();
    session.rows(&select, (kind,)).await.unwrap().single_row::<(i64,)>().unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn done_work_leaves_no_row() {
    let cluster = Cluster::new().await;
    let (store, session, now) = (cluster.store(), cluster.session().await, cluster.now());
    for n in 0..5 {
        authorized(&*store, n, euro(100), now).await;
    }
    assert_eq!(rows(&session, "payment_work").await, 5, "the releases, and nothing to be driven");
    for n in 0..5 {
        crate::conformance::support::take(&*store, id(n, now), |payment| payment.cancel(now)).await.unwrap();
        settle(&*store, id(n, now), Outcome::Settled, now).await;
    }
    assert_eq!(rows(&session, "payment_work").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stays_open_is_filed_again_and_minutes_that_are_over_are_not_read_again() {
    let cluster = Cluster::new().await;
    let (store, session) = (cluster.store(), cluster.session().await);
    create(&*store, new(1, euro(100), cluster.now()), None, cluster.now()).await.unwrap();
    let key = ProviderKey { payment: id(1, cluster.now()), seq: 1 };
    let begun = minutes(&session).await;
    for _ in 0..3 {
        cluster.advance(11 * MINUTE);
        let open = store.open_operations(None, 10).await.unwrap();
        assert_eq!(open.iter().map(|operation| operation.key).collect::<Vec<_>>(), [key]);
    }
    assert_eq!(minutes(&session).await, [begun[0] + 33], "once, in the present minute");
    assert!(floor(&session, 1).await > begun[0]);
    // Another session, which knows nothing yet.
    let other = cluster.another("other").await;
    assert_eq!(other.open_operations(None, 10).await.unwrap().len(), 1);
    settle(&other, key.payment, Outcome::Settled, cluster.now()).await;
    assert_eq!(store.open_operations(None, 10).await.unwrap(), []);
    assert!(minutes(&session).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authorization_that_lapsed_while_nobody_looked_is_found() {
    let cluster = Cluster::new().await;
    let (store, now) = (cluster.store(), cluster.now());
    let early = authorized(&*store, 1, euro(100), now).await;
    cluster.advance(HOLD + 60 * MINUTE);
    assert_eq!(store.lapsed(cluster.now(), 10).await.unwrap(), [early]);
    // The provider took so long that it lapsed before it was there, in a minute that was over.
    create(&*store, new(2, euro(100), now), None, now).await.unwrap();
    settle(&*store, id(2, now), Outcome::Settled, cluster.now()).await;
    assert_eq!(store.lapsed(cluster.now(), 10).await.unwrap(), [early, id(2, now)]);
    let other = cluster.another("other").await;
    assert_eq!(other.lapsed(cluster.now(), 10).await.unwrap(), [early, id(2, now)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_points_to_nothing_is_cleared_away_and_its_writer_is_not_lost() {
    let cluster = Cluster::new().await;
    let (store, session, now) = (cluster.store(), cluster.session().await, cluster.now());
    // A request that was answered: the commit is refused after its pointers were written.
    create(&*store, new(1, euro(100), now), request("r", ""), now).await.unwrap();
    settle(&*store, id(1, now), Outcome::Settled, now).await;
    let step = Payment::create(new(2, euro(100), now), now).unwrap();
    store.apply(euros_of(1), 2, commit(step, request("r", ""))).await.unwrap();
    assert_eq!(minutes(&session).await.len(), 1);
    assert_eq!(store.open_operations(None, 10).await.unwrap(), []);
    assert_eq!(minutes(&session).await.len(), 1, "its writer may be on the way");
    cluster.advance(3 * MINUTE);
    assert_eq!(store.open_operations(None, 10).await.unwrap(), []);
    assert!(minutes(&session).await.is_empty());
    // What comes late comes with a row of its own.
    create(&*store, new(2, euro(100), now), None, cluster.now()).await.unwrap();
    let open = store.open_operations(None, 10).await.unwrap();
    assert_eq!(open.iter().map(|operation| operation.key.payment).collect::<Vec<_>>(), [id(2, now)]);
}
