//! The main job on real input: the whole file becomes users, each with a profile and a mail, and a second
//! import changes nothing.

use std::collections::BTreeSet;

use proto::user::v1::CreateUserRequest;

use crate::{
    csv::rows,
    process::{Stack, eventually, everybody, message_ids, profiles_on_disk},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_real_file_becomes_19213_users_with_a_profile_and_a_mail_each() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let import = async |import_id: &str| {
        let rows = tokio_stream::iter(rows(0, usize::MAX, import_id));
        let summary = stack.users().import_users(rows).await.unwrap().into_inner();
        (summary.created_count, summary.duplicate_count, summary.invalid_count)
    };
    assert_eq!(import("first").await, (19_213, 332, 455));
    eventually("19,213 mails", async || message_ids(data.path()).len() >= 19_213).await;
    let users = everybody(&stack).await;
    assert_eq!(users.len(), 19_213);

    assert_eq!(import("second").await, (0, 19_545, 455));
    // Events are delivered in order: what a second import might wrongly have caused comes before this one's.
    let last = CreateUserRequest {
        email: "last@example.org".to_owned(),
        display_name: "Last".to_owned(),
        ..Default::default()
    };
    stack.users().create_user(last).await.unwrap();
    eventually("the last mail", async || message_ids(data.path()).len() > 19_213).await;
    assert!(stack.terminate().success());
    let sent = message_ids(data.path());
    assert_eq!((sent.len(), sent.iter().collect::<BTreeSet<_>>().len()), (19_214, 19_214));
    for (user, profile) in users.iter().zip(profiles_on_disk(data.path(), &users).await) {
        assert_eq!(profile.expect("a user without a profile").display_name.as_str(), user.display_name);
    }
}
