//! The stack on servers: the same services, the same story.

use mesh_rig::testing::{fresh_keyspace, vhost};
use proto::{
    notification::v1::{ListNotificationsRequest, State},
    user::v1::CreateUserRequest,
};
use scylla::client::session_builder::SessionBuilder;

use crate::process::{Stack, command, eventually, message_ids};

/// The keyspaces of a stack, dropped by [`Keyspaces::drop_all`].
struct Keyspaces {
    contact_points: Vec<String>,
    prefix: String,
}

impl Keyspaces {
    async fn drop_all(self) {
        let session = SessionBuilder::new().known_nodes(self.contact_points).build().await.unwrap();
        for service in ["user", "payment", "notification"] {
            let drop = format!("DROP KEYSPACE IF EXISTS {}_{service}", self.prefix);
            session.query_unpaged(drop, ()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_runs_on_a_cluster_and_a_broker_and_on_either_with_the_other_embedded() {
    let (keyspace, vhost) = (fresh_keyspace().await, vhost().await);
    let contact_points = keyspace.contact_points();
    let keyspaces = Keyspaces { contact_points: contact_points.clone(), prefix: keyspace.name().to_owned() };
    for (number, (storage, bus)) in
        [("cql", "rabbitmq"), ("cql", "embedded"), ("embedded", "rabbitmq")].into_iter().enumerate()
    {
        let data = tempfile::tempdir().unwrap();
        let mut command = command(data.path());
        command
            .env("STACK_STORAGE_KIND", storage)
            .env("STACK_STORAGE_CONTACT_POINTS", contact_points.join(","))
            .env("STACK_STORAGE_KEYSPACE", keyspace.name())
            .env("STACK_STORAGE_REPLICATION_FACTOR", "1")
            .env("STACK_BUS_KIND", bus)
            .env("STACK_BUS_URI", vhost.uri());
        let stack = Stack::spawn(command).unwrap_or_else(|ended| panic!("{storage} {bus}: {}", ended.stderr));
        let request = CreateUserRequest {
            email: format!("ada{number}@example.org"),
            display_name: "Ada".to_owned(),
            ..Default::default()
        };
        let user = stack.users().create_user(request).await.unwrap().into_inner().user.unwrap();
        let list = ListNotificationsRequest { user_id: user.user_id, ..Default::default() };
        eventually("the welcome mail is sent", async || {
            let listed = stack.notifications().list_notifications(list.clone()).await.unwrap().into_inner();
            listed.notifications.iter().any(|mail| mail.state() == State::Sent)
        })
        .await;
        assert_eq!(message_ids(data.path()).len(), 1, "{storage} {bus}");
        assert_eq!(data.path().join("stack.redb").exists(), (storage, bus) != ("cql", "rabbitmq"));
        assert!(stack.terminate().success(), "{storage} {bus}");
    }
    keyspaces.drop_all().await;
}
