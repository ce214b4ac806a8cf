//! What is left behind by whoever dies between two writes.

use std::{fmt::Write as _, time::Duration};

use notification::{
    domain::{Notification, Verdict},
    store::NotificationStore as _,
};

use super::Cluster;
use crate::conformance::{Harness as _, claim, enqueue, fill, person, settle, text};

/// Longer than any pointer waits for its row.
const LONG: Duration = Duration::from_secs(301);

fn blob(notification: &Notification) -> String {
    notification.id.0.as_bytes().iter().fold("0x".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Points to a notification as if its row were about to get to `version` by being due `at`.
async fn point(cluster: &Cluster, notification: &Notification, at: u64, version: i64) {
    let (shard, id) = (notification.id.0.as_bytes()[15] % 16, blob(notification));
    let columns = "shard, due_time_ms, notification_id, version";
    let text = format!("INSERT INTO notification_due ({columns}) VALUES ({shard}, {at}, {id}, {version})");
    cluster.run(&text).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pointer_without_a_row_waits_and_is_cleared_away_in_the_end() {
    let cluster = Cluster::new().await;
    let notification = text(1, person(1), cluster.now());
    point(&cluster, &notification, cluster.now().0, 1).await;
    assert_eq!(claim(&cluster, 10).await, []);
    assert_eq!(cluster.pointers().await, 1, "its row may be on its way");
    cluster.advance(LONG);
    assert_eq!(claim(&cluster, 10).await, []);
    assert_eq!(cluster.pointers().await, 0);
    let fenced = format!("SELECT version FROM notifications WHERE notification_id = {}", notification.id);
    assert_eq!(cluster.count(&fenced).await, 1, "whoever wrote the pointer is refused");
    assert_eq!(cluster.store.notification(notification.id).await.unwrap(), None);
    // And begins again, with another version.
    let enqueued = enqueue(&*cluster.store, &notification, None).await.unwrap();
    assert!(!enqueued.replayed);
    assert_eq!(claim(&cluster, 10).await, [notification.id]);
    assert_eq!(settle(&cluster, notification.id, Verdict::Sent).await.attempts, 1);
    assert_eq!(cluster.pointers().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pointer_before_a_row_that_is_already_there_waits_for_it() {
    let cluster = Cluster::new().await;
    let notification = fill(&cluster, 0..1).await.remove(0);
    // As a settlement leaves it that was cut off, or is only slow.
    point(&cluster, &notification, cluster.now().0 + 1, 2).await;
    cluster.advance(LONG);
    point(&cluster, &notification, cluster.now().0, 3).await;
    assert_eq!(claim(&cluster, 10).await, [notification.id], "once, by the pointer that is true");
    let retrying = settle(&cluster, notification.id, crate::conformance::busy()).await;
    assert_eq!(claim(&cluster, 10).await, []);
    assert_eq!(cluster.store.next_due().await.unwrap(), Some(retrying.due));
    assert_eq!(cluster.pointers().await, 1, "the others are stale now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_shows_what_is_there_and_only_once() {
    let cluster = Cluster::new().await;
    let notification = fill(&cluster, 0..1).await.remove(0);
    let strangers = text(2, person(1), cluster.now());
    for (listed, created) in [(&notification, 7), (&notification, 2_000_000), (&strangers, 2_000_001)] {
        let (user, id) = (notification.user_id, blob(listed));
        let columns = "user_id, created_time_ms, notification_id";
        let text = format!("INSERT INTO notifications_by_user ({columns}) VALUES ({user}, {created}, {id})");
        cluster.run(&text).await;
    }
    for limit in [1, 10] {
        let listed = cluster.store.list(person(1), None, limit).await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&notification), "{limit}");
    }
    let rows = cluster.count("SELECT user_id FROM notifications_by_user").await;
    assert_eq!(rows, 2, "the one that is still to come stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_of_another_version_stays_and_holds_nobody_up() {
    let cluster = Cluster::new().await;
    let taken_on = fill(&cluster, 0..2).await;
    let id = taken_on[0].id;
    let text = format!("UPDATE notifications SET body = 0x63 WHERE notification_id = {id} IF version = 1");
    cluster.decide(&text).await;
    assert_eq!(claim(&cluster, 10).await, [taken_on[1].id]);
    assert_eq!(cluster.store.next_due().await.unwrap(), None, "and nobody wakes up for it");
    assert_eq!(cluster.pointers().await, 2);
    assert!(cluster.store.notification(id).await.is_err(), "rather than that there were none");
}
