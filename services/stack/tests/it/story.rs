//! The story: a user is created, greeted, signs in, reads and writes, and all of it is there the next day.

use std::collections::BTreeMap;

use prost_types::FieldMask;
use proto::{
    notification::v1::{ListNotificationsRequest, State},
    user::v1::{
        CreateSessionRequest, CreateUserRequest, GetProfileRequest, GetSessionRequest, Profile,
        UpdateProfileRequest,
    },
};

use crate::process::{Stack, eventually, message_ids};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_created_greeted_served_and_remembered() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let request = CreateUserRequest {
        email: "ada@example.org".to_owned(),
        display_name: "Ada".to_owned(),
        locale: "en-GB".to_owned(),
        request_id: "story".to_owned(),
    };
    let user = stack.users().create_user(request.clone()).await.unwrap().into_inner().user.unwrap();
    let user_id = user.user_id.clone();

    let list = ListNotificationsRequest { user_id: user_id.clone(), ..Default::default() };
    eventually("the welcome mail is sent", async || {
        let listed = stack.notifications().list_notifications(list.clone()).await.unwrap().into_inner();
        listed.notifications.iter().any(|mail| mail.template == "welcome" && mail.state() == State::Sent)
    })
    .await;
    let listed =
        stack.notifications().list_notifications(list.clone()).await.unwrap().into_inner().notifications;
    assert_eq!(message_ids(data.path()), [listed[0].message_id.clone()]);

    let session = CreateSessionRequest { user_id: user_id.clone(), ..Default::default() };
    let token = stack.sessions().create_session(session).await.unwrap().into_inner().token;
    let get = GetProfileRequest { user_id: user_id.clone(), ..Default::default() };
    let profile = stack.profiles().get_profile(get.clone()).await.unwrap().into_inner().profile.unwrap();
    assert_eq!((profile.display_name.as_str(), profile.locale.as_str()), ("Ada", "en-GB"));
    let attributes = BTreeMap::from([("title".to_owned(), "Countess".to_owned())]);
    let update = UpdateProfileRequest {
        profile: Some(Profile { attributes, ..profile }),
        update_mask: Some(FieldMask { paths: vec!["attributes".to_owned()] }),
        request_id: String::new(),
    };
    let updated = stack.profiles().update_profile(update).await.unwrap().into_inner().profile;
    assert_eq!(stack.profiles().get_profile(get.clone()).await.unwrap().into_inner().profile, updated);
    assert!(data.path().join("stack.pid").exists());
    assert!(stack.terminate().success());
    assert!(!data.path().join("stack.pid").exists(), "a number that may be somebody else's by now");

    let stack = Stack::start(data.path());
    assert_eq!(stack.users().create_user(request).await.unwrap().into_inner().user, Some(user));
    assert_eq!(stack.profiles().get_profile(get).await.unwrap().into_inner().profile, updated);
    let session =
        stack.sessions().get_session(GetSessionRequest { token }).await.unwrap().into_inner().session;
    assert_eq!(session.unwrap().user_id, user_id);
    assert_eq!(
        stack.notifications().list_notifications(list).await.unwrap().into_inner().notifications,
        listed
    );
    assert!(stack.terminate().success());
    assert_eq!(message_ids(data.path()).len(), 1);
}
