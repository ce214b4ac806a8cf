use serde_json::json;

use super::doubles::{endpoint, follow, slice, with};

#[tokio::test]
async fn pods_come_and_go_as_the_watch_tells() {
    let user = follow().await;
    user.server.lists("7", &[with("a", "5", &[1]), with("b", "6", &[2])]).await;
    user.has(&[1, 2]).await;
    let mut watch = user.server.watches("7").await;
    watch.event("MODIFIED", with("a", "8", &[1, 3])).await;
    user.has(&[1, 2, 3]).await;
    watch.event("ADDED", with("c", "9", &[4])).await;
    user.has(&[1, 2, 3, 4]).await;
    watch.event("DELETED", with("b", "10", &[2])).await;
    user.has(&[1, 3, 4]).await;
    // In two parts, as packets come.
    let event = json!({ "type": "MODIFIED", "object": with("a", "11", &[1]) }).to_string();
    let (one, other) = event.split_at(20);
    watch.part(one).await;
    watch.part(&format!("{other}\n")).await;
    user.has(&[1, 4]).await;
}

#[tokio::test]
async fn pods_that_stop_are_used_only_when_no_other_is_left() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1, 2])]).await;
    let mut watch = user.server.watches("1").await;
    watch.event("MODIFIED", slice("a", "2", &[endpoint(1, false), endpoint(2, true)])).await;
    user.has(&[2]).await;
    watch.event("MODIFIED", slice("a", "3", &[endpoint(1, false), endpoint(2, false)])).await;
    user.has(&[1, 2]).await;
    watch.event("MODIFIED", slice("a", "4", &[endpoint(1, false), endpoint(3, true)])).await;
    user.has(&[3]).await;
}

#[tokio::test]
async fn a_watch_that_ends_or_breaks_goes_on_from_the_last_version() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    let mut watch = user.server.watches("1").await;
    watch
        .event("BOOKMARK", json!({ "kind": "EndpointSlice", "metadata": { "resourceVersion": "20" } }))
        .await;
    watch.end().await;
    let mut watch = user.server.watches("20").await;
    watch.event("MODIFIED", with("a", "21", &[1, 2])).await;
    user.has(&[1, 2]).await;
    // In the middle of an answer.
    drop(watch);
    // And without any.
    drop(user.server.next().await);
    let mut watch = user.server.watches("21").await;
    watch.event("MODIFIED", with("a", "22", &[3])).await;
    user.has(&[3]).await;
}

#[tokio::test]
async fn a_version_that_the_server_has_forgotten_makes_all_be_listed_anew() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1]), with("b", "1", &[2])]).await;
    let mut watch = user.server.watches("1").await;
    watch.event("ERROR", json!({ "kind": "Status", "code": 410, "reason": "Expired" })).await;
    // A slice that went in the meantime is gone with the list.
    user.server.lists("50", &[with("a", "40", &[1])]).await;
    user.has(&[1]).await;
    drop(user.server.watches("50").await);
    // The same as the answer to the request itself.
    let refused = user.server.next().await;
    refused.answer(410, &json!({ "kind": "Status", "code": 410, "message": "too old" })).await;
    user.server.lists("90", &[with("c", "80", &[9])]).await;
    user.has(&[9]).await;
}

#[tokio::test]
async fn what_was_known_stays_while_the_server_is_in_trouble() {
    let user = follow().await;
    let refused = user.server.next().await;
    refused.answer(403, &json!({ "kind": "Status", "message": "endpointslices is forbidden" })).await;
    user.wait(|| user.cause().is_some()).await;
    assert_eq!(
        user.cause().unwrap(),
        "no endpoint for k8s:///shop/user:grpc: the API server answers 403 Forbidden: endpointslices is forbidden"
    );
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    user.has(&[1]).await;
    let mut watch = user.server.watches("1").await;
    watch.event("ERROR", json!({ "kind": "Status", "code": 500, "message": "etcd" })).await;
    for _ in 0..3 {
        // Neither an answer that is none nor one that is no list of slices.
        drop(user.server.next().await);
        user.server.next().await.answer(200, &json!({ "kind": "Table" })).await;
    }
    assert_eq!(user.pods(), [1]);
    user.server.lists("9", &[with("a", "9", &[2])]).await;
    user.has(&[2]).await;
}

#[tokio::test]
async fn a_long_list_comes_in_pages() {
    let user = follow().await;
    let first = user.server.next().await;
    assert!(!first.path.contains("continue="), "{}", first.path);
    first.list(json!({ "resourceVersion": "5", "continue": "a=/b" }), &[with("a", "1", &[1])]).await;
    let second = user.server.next().await;
    assert!(second.path.ends_with("&continue=a%3D%2Fb"), "{}", second.path);
    second.list(json!({ "resourceVersion": "5" }), &[with("b", "1", &[2])]).await;
    user.has(&[1, 2]).await;
    user.server.watches("5").await;
}

#[tokio::test]
async fn a_line_that_does_not_end_is_not_collected_for_ever() {
    let user = follow().await;
    user.server.lists("1", &[with("a", "1", &[1])]).await;
    let mut watch = user.server.watches("1").await;
    let part = "x".repeat(1024 * 1024);
    for _ in 0..5 {
        let chunk = format!("{:x}\r\n{part}\r\n", part.len());
        if !watch.try_write(&chunk).await {
            break;
        }
    }
    user.server.lists("2", &[with("a", "2", &[2])]).await;
    user.has(&[2]).await;
}
