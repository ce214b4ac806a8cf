//! Several instances at work on one queue.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use notification::{
    domain::{NotificationId, State, Verdict},
    store::{HOLD_MAX, NotificationStore, cql::CqlStore},
};
use service_kit::clock::UnixMillis;

use super::Cluster;
use crate::conformance::{Harness as _, busy, claim, enqueue, fill, person, settle, sorted, text};

const LEASE: Duration = Duration::from_secs(120);

async fn claim_by(store: &CqlStore, now: UnixMillis, limit: usize) -> Vec<NotificationId> {
    store.claim(now, limit).await.unwrap().into_iter().map(|notification| notification.id).collect()
}

async fn settle_by(store: &CqlStore, id: NotificationId, now: UnixMillis) -> State {
    store.settle(vec![(id, Verdict::Sent)], now).await.unwrap()[0].state
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_instances_share_2000_notifications_and_none_is_claimed_twice() {
    const COUNT: u64 = 2_000;
    let cluster = Cluster::new().await;
    let (store, now) = (cluster.store.clone(), cluster.now());
    let taking_on = stream::iter(0..COUNT).map(|n| {
        let store = store.clone();
        async move { enqueue(&*store, &text(n, person(n % 7), now), None).await.unwrap().notification.id }
    });
    let taken_on: Vec<_> = taking_on.buffer_unordered(32).collect().await;
    let stores = [cluster.store.clone(), cluster.another("notification-1").await];
    let workers = stores.map(|store| tokio::spawn(work(store, now)));
    let mut claimed: BTreeMap<NotificationId, usize> = BTreeMap::new();
    for worker in workers {
        let ids = worker.await.unwrap();
        assert!(ids.len() > 200, "one of them did next to nothing: {}", ids.len());
        ids.into_iter().for_each(|id| *claimed.entry(id).or_default() += 1);
    }
    let twice: Vec<_> = claimed.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(claimed.into_keys().collect::<Vec<_>>(), sorted(taken_on));
    assert_eq!(cluster.store.next_due().await.unwrap(), None);
    assert_eq!(cluster.pointers().await, 0, "nothing is left to be read past");
}

/// Claims and settles until nothing is due any more.
async fn work(store: Arc<CqlStore>, now: UnixMillis) -> Vec<NotificationId> {
    let mut all = Vec::new();
    loop {
        let claimed = store.claim(now, 16).await.unwrap();
        if claimed.is_empty() && store.next_due().await.unwrap().is_none() {
            return all;
        }
        let tried: Vec<_> = claimed.iter().map(|notification| (notification.id, Verdict::Sent)).collect();
        all.extend(tried.iter().map(|(id, _)| *id));
        let settled = store.settle(tried, now).await.unwrap();
        assert!(settled.iter().all(|notification| notification.state == State::Sent));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_instances_lease_ends_when_it_expires() {
    let cluster = Cluster::new().await;
    let other = cluster.another("notification-1").await;
    let id = fill(&cluster, 0..1).await[0].id;
    assert_eq!(claim(&cluster, 1).await, [id]);
    cluster.advance(LEASE - Duration::from_millis(1));
    assert_eq!(claim_by(&other, cluster.now(), 1).await, []);
    assert_eq!(other.next_due().await.unwrap(), None, "it is held");
    cluster.advance(Duration::from_millis(1));
    assert!(other.next_due().await.unwrap().is_some());
    assert_eq!(claim_by(&other, cluster.now(), 1).await, [id]);
    // The first one comes back late. What it found out is not written over the other's work.
    let told = settle(&cluster, id, busy()).await;
    assert_eq!((told.state, told.attempts), (State::Queued, 0), "told as it is");
    assert_eq!(settle_by(&other, id, cluster.now()).await, State::Sent);
    assert_eq!(cluster.store.notification(id).await.unwrap().unwrap().attempts, 1);
    assert_eq!(claim(&cluster, 1).await, [], "and the pointer that it wrote leads nowhere");
    cluster.advance(Duration::from_secs(3_600));
    assert_eq!(claim(&cluster, 1).await, []);
    assert_eq!(cluster.pointers().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_holds_from_the_start_is_its_own_until_that_lease_ends() {
    let cluster = Cluster::new().await;
    let other = cluster.another("notification-1").await;
    let notification = text(1, person(1), cluster.now());
    let id = notification.id;
    assert!(cluster.store.enqueue(notification, None, true).await.unwrap().held);
    // Its try may begin that much later.
    cluster.advance(LEASE + HOLD_MAX - Duration::from_millis(1));
    assert_eq!(claim_by(&other, cluster.now(), 1).await, []);
    cluster.advance(Duration::from_millis(1));
    assert_eq!(claim_by(&other, cluster.now(), 1).await, [id]);
    cluster.store.release(vec![id]).await;
    assert_eq!(claim(&cluster, 1).await, [], "what is another's now cannot be given back");
    assert_eq!(settle_by(&other, id, cluster.now()).await, State::Sent);
    assert_eq!(cluster.pointers().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_releases_another_may_send_at_once() {
    let cluster = Cluster::new().await;
    let other = cluster.another("notification-1").await;
    let notification = text(1, person(1), cluster.now());
    let id = notification.id;
    cluster.store.enqueue(notification, None, true).await.unwrap();
    assert_eq!(claim_by(&other, cluster.now(), 1).await, []);
    cluster.store.release(vec![id]).await;
    assert_eq!(claim_by(&other, cluster.now(), 1).await, [id]);
    assert_eq!(settle_by(&other, id, cluster.now()).await, State::Sent);
    assert_eq!(cluster.pointers().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_life_holds_nothing_and_settles_nothing() {
    let cluster = Cluster::new().await;
    let id = fill(&cluster, 0..1).await[0].id;
    assert_eq!(claim(&cluster, 1).await, [id]);
    let former = cluster.store.clone();
    let cluster = cluster.reopen().await;
    assert_eq!(claim(&cluster, 1).await, [id]);
    assert_eq!(settle_by(&former, id, cluster.now()).await, State::Queued, "told as it is");
    assert_eq!(settle(&cluster, id, Verdict::Sent).await.attempts, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_takes_on_another_may_send_and_everybody_sees() {
    let cluster = Cluster::new().await;
    let other = cluster.another("notification-1").await;
    let id = fill(&cluster, 0..1).await[0].id;
    assert_eq!(claim_by(&other, cluster.now(), 1).await, [id]);
    assert_eq!(settle_by(&other, id, cluster.now()).await, State::Sent);
    assert_eq!(cluster.store.notification(id).await.unwrap().unwrap().state, State::Sent);
    assert_eq!(cluster.store.list(person(1), None, 10).await.unwrap()[0].state, State::Sent);
}
