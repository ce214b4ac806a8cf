//! Requests whose first caller died half-way.

use notification::store::NotificationStore as _;

use super::Cluster;
use crate::conformance::{Harness as _, claim, enqueue, person, request, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_finishes_what_its_first_caller_began() {
    let cluster = Cluster::new().await;
    let (notification, asked) = (text(1, person(1), cluster.now()), request("r", "content"));
    let first = enqueue(&*cluster.store, &notification, asked.clone()).await.unwrap();
    // As if it had died after the request was decided.
    let id = notification.id;
    cluster.decide(&format!("DELETE FROM notifications WHERE notification_id = {id} IF EXISTS")).await;
    cluster.run("TRUNCATE notification_due").await;
    cluster.run("TRUNCATE notifications_by_user").await;
    cluster.advance(std::time::Duration::from_secs(3_600));
    let repeat = enqueue(&*cluster.store, &notification, asked).await.unwrap();
    assert_eq!((repeat.notification, repeat.replayed), (first.notification, true));
    assert_eq!(cluster.store.list(person(1), None, 10).await.unwrap().len(), 1);
    assert_eq!(claim(&cluster, 10).await, [id], "it is due although an hour has passed");
    assert_eq!(cluster.pointers().await, 1);
}
