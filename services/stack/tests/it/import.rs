//! The main job on real input: the whole file becomes users, each with a profile and a mail, and a second
//! import changes nothing.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use proto::user::v1::GetProfileRequest;

use crate::{
    csv::rows,
    process::{Stack, eventually, everybody, message_ids},
};

#[tokio::test(flavor = "multi_thread")]
async fn the_real_file_becomes_19213_users_with_a_profile_and_a_mail_each() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let import = async |import_id: &str| {
        let rows = tokio_stream::iter(rows(usize::MAX, import_id));
        let summary = stack.users().import_users(rows).await.unwrap().into_inner();
        (summary.created_count, summary.duplicate_count, summary.invalid_count)
    };
    assert_eq!(import("first").await, (19_213, 332, 455));
    eventually("19,213 mails", async || message_ids(data.path()).len() >= 19_213).await;

    let users = everybody(&stack).await;
    assert_eq!(users.len(), 19_213);
    let profiles = stream::iter(users.clone()).map(|user| {
        let (mut profiles, request) = (stack.profiles(), GetProfileRequest { user_id: user.user_id });
        async move { profiles.get_profile(request).await.unwrap().into_inner().profile.unwrap() }
    });
    let profiles: Vec<_> = profiles.buffered(64).collect().await;
    for (user, profile) in users.iter().zip(&profiles) {
        assert_eq!((&user.user_id, &user.display_name), (&profile.user_id, &profile.display_name));
    }

    assert_eq!(import("second").await, (0, 19_545, 455));
    // What a second import might wrongly have caused would be sent before a clean stop.
    assert!(stack.terminate().success());
    let sent = message_ids(data.path());
    assert_eq!((sent.len(), sent.iter().collect::<BTreeSet<_>>().len()), (19_213, 19_213));
}
