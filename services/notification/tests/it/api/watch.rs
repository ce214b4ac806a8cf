//! Watching.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use proto::notification::v1::{SendNotificationRequest, State, WatchNotificationsRequest};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{ADA, Api, BOB, PATIENCE, change, sent, text, told};

/// Changes of about 1.9 KiB that are more than a stream that nobody reads (2 MiB of window, 400 KiB of buffer)
/// and the 1,024 changes that a watcher may be behind hold together. Each notification is at least one.
const TOO_MANY: usize = 3_000;

#[tokio::test]
async fn every_change_is_told_live_to_those_who_watch_that_user() {
    let mut api = Api::start().await;
    let (mut hers, mut his, mut all) = (api.watch(ADA).await, api.watch(BOB).await, api.watch("").await);
    let to_ada = api.send(text(ADA, "To Ada")).await;
    for state in [State::Queued, State::Sending, State::Sent] {
        let (change, same) = (change(&mut hers).await, change(&mut all).await);
        assert_eq!((&change.notification_id, change.state()), (&to_ada.notification_id, state));
        assert_eq!(change, same);
    }
    let to_bob = api.send(text(BOB, "To Bob")).await;
    // The first thing that he hears of is his own.
    assert_eq!(change(&mut his).await, to_bob);
    assert_eq!(change(&mut all).await, to_bob);
    let refused =
        api.client.watch_notifications(WatchNotificationsRequest { user_id: "42".to_owned() }).await;
    assert_eq!(told(&refused.unwrap_err()), (Code::InvalidArgument, "USER_ID_INVALID".to_owned()));
    api.stop().await;
}

#[tokio::test]
async fn a_repeated_request_is_no_change() {
    let mut api = Api::start().await;
    let mut watch = api.watch(ADA).await;
    let request = SendNotificationRequest { request_id: "r1".to_owned(), ..text(ADA, "Hello") };
    let first = api.send(request.clone()).await;
    assert_eq!(sent(&mut watch).await.notification_id, first.notification_id);
    api.send(request).await;
    let second = api.send(text(ADA, "Next")).await;
    assert_eq!(change(&mut watch).await, second, "nothing was told between the two");
    api.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_changes_of_each_notification_are_told_in_order() {
    // Fewer changes than a watcher may be behind.
    const MANY: usize = 300;
    let mut api = Api::start().await;
    let mut watch = api.watch("").await;
    let sends = (0..MANY).map(|_| {
        let mut client = api.client.clone();
        async move { client.send_notification(text(ADA, "Hello")).await.unwrap() }
    });
    futures_util::stream::iter(sends).buffer_unordered(16).count().await;
    let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for _ in 0..3 * MANY {
        let change = change(&mut watch).await;
        told.entry(change.notification_id.clone()).or_default().push(change.state());
    }
    assert_eq!(told.len(), MANY);
    for (id, states) in told {
        assert_eq!(states, [State::Queued, State::Sending, State::Sent], "{id}");
    }
    api.stop().await;
}

#[tokio::test]
async fn a_watcher_who_reads_too_slowly_is_told_that_it_missed_something() {
    let mut api = Api::start().await;
    let mut slow = api.watch("").await;
    let sends = (0..TOO_MANY).map(|_| {
        let mut client = api.client.clone();
        let recipient = format!("{}@example.org", "😀".repeat(240));
        let request = SendNotificationRequest { recipient, ..text(ADA, &"😀".repeat(200)) };
        async move {
            // A disk that is busy for longer than the deadline makes no difference to the watcher.
            if let Err(status) = client.send_notification(request).await {
                assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
            }
        }
    });
    futures_util::stream::iter(sends).buffer_unordered(64).count().await;
    let mut read = 0;
    let lagged = loop {
        match tokio::time::timeout(PATIENCE, slow.message()).await.expect("it was never told") {
            Ok(Some(_)) => read += 1,
            Ok(None) => panic!("the watch ended without a word"),
            Err(status) => break status,
        }
    };
    assert_eq!(told(&lagged), (Code::DataLoss, "WATCH_LAGGED".to_owned()));
    let lost: usize = lagged.get_details_error_info().unwrap().metadata["lost"].parse().unwrap();
    assert!(read > 0 && lost > 0, "read {read}, lost {lost}");
    // It begins anew, hears what is new, and lists what it missed.
    let mut again = api.watch(BOB).await;
    let next = api.send(text(BOB, "Next")).await;
    assert_eq!(change(&mut again).await, next);
    api.stop().await;
}
