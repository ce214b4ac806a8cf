//! Virtual hosts.

use mesh_rig::testing::vhost;
use serde_json::json;

#[tokio::test]
async fn a_virtual_host_is_there_while_it_is_held() {
    let vhost = vhost().await;
    let (name, management) = (vhost.name().to_owned(), vhost.management());
    assert!(vhost.uri().ends_with(&format!("/{name}")), "{}", vhost.uri());
    assert!(management.vhosts().await.unwrap().contains(&name));
    drop(vhost);
    while management.vhosts().await.unwrap().contains(&name) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_binding_is_deleted_and_made_again_as_it_was() {
    let vhost = vhost().await;
    let (name, management) = (vhost.name(), vhost.management());
    for (path, body) in [
        (format!("/api/exchanges/{name}/events"), json!({ "type": "topic", "durable": true })),
        (format!("/api/queues/{name}/q.it"), json!({ "durable": true })),
    ] {
        management.change("PUT", &path, &body).await.unwrap();
    }
    let path = format!("/api/bindings/{name}/e/events/q/q.it");
    let body = json!({ "routing_key": "user.created.#", "arguments": { "x": 1 } });
    management.change("POST", &path, &body).await.unwrap();
    let before = management.bindings(name).await.unwrap();
    assert_eq!(before.len(), 1);
    assert_eq!(before[0].routing_key, "user.created.#");

    management.delete_binding(&before[0]).await.unwrap();
    management.delete_binding(&before[0]).await.unwrap();
    assert_eq!(management.bindings(name).await.unwrap(), []);
    management.create_binding(&before[0]).await.unwrap();
    management.create_binding(&before[0]).await.unwrap();
    assert_eq!(management.bindings(name).await.unwrap(), before);
}
