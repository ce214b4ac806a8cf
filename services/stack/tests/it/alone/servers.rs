//! Programs that share nothing but a CQL cluster and a broker.

use mesh_rig::testing::{Keyspace, keyspace, vhost};
use proto::{
    notification::v1::{
        ListNotificationsRequest, State, notification_service_client::NotificationServiceClient,
    },
    user::v1::{
        CreateUserRequest, GetProfileRequest, GetUserRequest, get_user_request::Key,
        profile_service_client::ProfileServiceClient, user_service_client::UserServiceClient,
    },
};

use super::programs::{NOTIFICATION, USER};
use crate::process::{eventually, message_ids};

/// The settings that lead to these servers.
pub(super) struct Servers {
    contact_points: String,
    keyspace: String,
    uri: String,
}

impl Servers {
    pub(super) fn new(keyspace: &Keyspace, uri: &str) -> Self {
        Self {
            contact_points: keyspace.contact_points().join(","),
            keyspace: keyspace.name().to_owned(),
            uri: uri.to_owned(),
        }
    }

    /// The same, by another way to the store.
    pub(super) fn with_store_at(self, contact_points: &str) -> Self {
        Self { contact_points: contact_points.to_owned(), ..self }
    }

    pub(super) fn settings(&self) -> Vec<(&str, &str)> {
        vec![
            ("STORAGE_KIND", "cql"),
            ("STORAGE_CONTACT_POINTS", &self.contact_points),
            ("STORAGE_KEYSPACE", &self.keyspace),
            ("STORAGE_REPLICATION_FACTOR", "1"),
            ("BUS_URI", &self.uri),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_tell_each_other_of_a_user_through_the_broker() {
    let (of_users, of_mails, vhost) = (keyspace().await, keyspace().await, vhost().await);
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let users = Servers::new(&of_users, &vhost.uri());
    let mails = Servers::new(&of_mails, &vhost.uri());
    // In this order: a user is created before the one who will write to them has ever run.
    let user_service = USER.start(here.path(), &users.settings());
    let request = CreateUserRequest {
        email: "ada@example.org".to_owned(),
        display_name: "Ada".to_owned(),
        request_id: "two".to_owned(),
        ..Default::default()
    };
    let mut client = UserServiceClient::new(user_service.channel());
    let user = client.create_user(request.clone()).await.unwrap().into_inner().user.unwrap();
    let peer = user_service.target().to_string();
    let mut settings = mails.settings();
    settings.push(("PEERS_USER", &peer));
    let notification_service = NOTIFICATION.start(there.path(), &settings);

    let get = GetProfileRequest { user_id: user.user_id.clone(), ..Default::default() };
    let mut profiles = ProfileServiceClient::new(user_service.channel());
    eventually("the profile is there", async || {
        let profile =
            profiles.get_profile(get.clone()).await.ok().and_then(|answer| answer.into_inner().profile);
        profile.is_some_and(|profile| profile.display_name == "Ada")
    })
    .await;
    let list = ListNotificationsRequest { user_id: user.user_id.clone(), ..Default::default() };
    let mut notifications = NotificationServiceClient::new(notification_service.channel());
    eventually("the welcome mail is sent", async || {
        let listed = notifications.list_notifications(list.clone()).await.unwrap().into_inner().notifications;
        listed.iter().any(|mail| mail.template == "welcome" && mail.state() == State::Sent)
    })
    .await;
    assert_eq!(message_ids(there.path()).len(), 1);

    // A second instance of the user service, beside the first, has the same user and the same answer.
    let elsewhere = tempfile::tempdir().unwrap();
    let replica = USER.start(elsewhere.path(), &users.settings());
    let mut client = UserServiceClient::new(replica.channel());
    let by_email =
        GetUserRequest { key: Some(Key::Email("ADA@example.org".to_owned())), ..Default::default() };
    let found = client.get_user(by_email).await.unwrap().into_inner().user.unwrap();
    assert_eq!(found.user_id, user.user_id);
    assert_eq!(client.create_user(request).await.unwrap().into_inner().user, Some(user));

    for program in [replica, notification_service, user_service] {
        assert!(program.terminate().success());
    }
    assert_eq!(message_ids(there.path()).len(), 1);
}
