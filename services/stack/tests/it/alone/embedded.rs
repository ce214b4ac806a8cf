//! Each program on a file of its own, with a real broker: it starts, serves, remembers and stops.

use mesh_rig::testing::vhost;
use proto::{
    notification::v1::{
        GetNotificationRequest, SendNotificationRequest, TextContent,
        notification_service_client::NotificationServiceClient, send_notification_request::Content,
    },
    payment::v1::{ListPaymentsRequest, payment_service_client::PaymentServiceClient},
    user::v1::{
        CreateUserRequest, GetProfileRequest, profile_service_client::ProfileServiceClient,
        user_service_client::UserServiceClient,
    },
};
use uuid::Uuid;

use super::programs::{NOTIFICATION, PAYMENT, USER};
use crate::process::{Ended, ended, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn the_user_service_alone_serves_and_remembers() {
    let (data, vhost) = (tempfile::tempdir().unwrap(), vhost().await);
    let uri = vhost.uri();
    let settings = [("STORAGE_KIND", "embedded"), ("BUS_URI", uri.as_str())];
    let request = CreateUserRequest {
        email: "ada@example.org".to_owned(),
        display_name: "Ada".to_owned(),
        request_id: "alone".to_owned(),
        ..Default::default()
    };
    let program = USER.start(data.path(), &settings);
    assert_eq!(USER.pid(data.path()), Some(program.pid()));
    let create = |mut users: UserServiceClient<_>| {
        let request = request.clone();
        async move { users.create_user(request).await.unwrap().into_inner().user.unwrap() }
    };
    let user = create(UserServiceClient::new(program.channel())).await;
    // By way of the outbox in the file and the queue on the broker.
    let get = GetProfileRequest { user_id: user.user_id.clone(), ..Default::default() };
    let mut profiles = ProfileServiceClient::new(program.channel());
    eventually("the profile is there", async || {
        profiles.get_profile(get.clone()).await.is_ok_and(|answer| answer.into_inner().profile.is_some())
    })
    .await;
    assert!(program.terminate().success());
    assert_eq!(USER.pid(data.path()), None, "a number that may be somebody else's by now");

    let program = USER.start(data.path(), &settings);
    assert_eq!(create(UserServiceClient::new(program.channel())).await, user);
    let Ended { status, stderr } = ended(USER.command(data.path(), &settings).spawn().unwrap());
    assert_eq!(status.code(), Some(1));
    assert!(stderr.contains(&format!("user-service.pid is held by process {}", program.pid())), "{stderr}");
    assert!(program.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_payment_service_alone_serves_and_stops() {
    let (data, vhost) = (tempfile::tempdir().unwrap(), vhost().await);
    let program = PAYMENT.start(data.path(), &[("STORAGE_KIND", "embedded"), ("BUS_URI", &vhost.uri())]);
    let request = ListPaymentsRequest { user_id: Uuid::new_v4().to_string(), ..Default::default() };
    let listed = PaymentServiceClient::new(program.channel()).list_payments(request).await.unwrap();
    assert!(listed.into_inner().payments.is_empty());
    assert!(program.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notification_service_alone_sends_and_remembers() {
    let (data, vhost) = (tempfile::tempdir().unwrap(), vhost().await);
    let uri = vhost.uri();
    let settings = [("STORAGE_KIND", "embedded"), ("BUS_URI", uri.as_str())];
    let program = NOTIFICATION.start(data.path(), &settings);
    let text = TextContent { subject: "Hello".to_owned(), body: "World".to_owned() };
    let request = SendNotificationRequest {
        user_id: Uuid::new_v4().to_string(),
        recipient: "ada@example.org".to_owned(),
        content: Some(Content::Text(text)),
        request_id: "alone".to_owned(),
    };
    let mut client = NotificationServiceClient::new(program.channel());
    let sent = client.send_notification(request).await.unwrap().into_inner().notification.unwrap();
    eventually("the mail is a file", async || {
        crate::process::message_ids(data.path()) == [sent.message_id.clone()]
    })
    .await;
    assert!(program.terminate().success());

    let program = NOTIFICATION.start(data.path(), &settings);
    let request = GetNotificationRequest { notification_id: sent.notification_id.clone() };
    let mut client = NotificationServiceClient::new(program.channel());
    let found = client.get_notification(request).await.unwrap().into_inner().notification.unwrap();
    assert_eq!(found.message_id, sent.message_id);
    assert!(program.terminate().success());
}

#[test]
fn an_embedded_bus_is_refused_outside_the_stack() {
    for service in [USER, PAYMENT, NOTIFICATION] {
        let data = tempfile::tempdir().unwrap();
        let mut command =
            service.command(data.path(), &[("STORAGE_KIND", "embedded"), ("BUS_KIND", "embedded")]);
        let Ended { status, stderr } = ended(command.spawn().unwrap());
        assert_eq!(status.code(), Some(1));
        assert!(stderr.contains("bus.kind = \"embedded\"") && stderr.contains("`stack`"), "{stderr}");
        assert!(fs_is_empty(data.path()), "nothing is begun with wrong settings");
    }
}

fn fs_is_empty(folder: &std::path::Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}
