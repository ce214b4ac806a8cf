//! `ImportUsers`.

use proto::user::v1::{ImportUsersRequest, ImportUsersResponse, ListUsersRequest, UpdateUserRequest, User};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{Api, told};

fn row(email: &str, name: &str, import_id: &str) -> ImportUsersRequest {
    ImportUsersRequest {
        email: email.to_owned(),
        display_name: name.to_owned(),
        locale: String::new(),
        import_id: import_id.to_owned(),
    }
}

async fn import(api: &mut Api, rows: Vec<ImportUsersRequest>) -> ImportUsersResponse {
    api.users.import_users(tokio_stream::iter(rows)).await.unwrap().into_inner()
}

fn counts(summary: &ImportUsersResponse) -> (i64, i64, i64) {
    (summary.created_count, summary.duplicate_count, summary.invalid_count)
}

fn dirty(import_id: &str) -> Vec<ImportUsersRequest> {
    vec![
        row("ada@example.org", "Ada", import_id),
        row(" ADA@example.org", "Ada again", import_id),
        row("nobody", "", import_id),
        row("bob@example.org", "Bob", import_id),
        row("eve@example.org", "bad\u{7}name", import_id),
    ]
}

#[tokio::test]
async fn every_row_is_decided_by_itself_and_problems_are_named_by_row() {
    let mut api = Api::start(true).await;
    let summary = import(&mut api, dirty("")).await;
    assert_eq!(counts(&summary), (2, 1, 2));
    let problems: Vec<_> = summary.problems.iter().map(|p| (p.row, p.reason.as_str())).collect();
    assert_eq!(problems, [(2, "EMAIL_TAKEN"), (3, "REQUEST_INVALID"), (5, "DISPLAY_NAME_INVALID")]);
    api.stop().await;
}

#[tokio::test]
async fn a_second_import_creates_nothing_and_the_same_one_again_counts_the_same() {
    let mut api = Api::start(true).await;
    assert_eq!(counts(&import(&mut api, dirty("first")).await), (2, 1, 2));
    assert_eq!(counts(&import(&mut api, dirty("first")).await), (2, 1, 2), "resumed");
    assert_eq!(counts(&import(&mut api, dirty("second")).await), (0, 3, 2));
    let listed = api.users.list_users(ListUsersRequest::default()).await.unwrap().into_inner();
    assert_eq!(listed.users.len(), 2);
    api.stop().await;
}

#[tokio::test]
async fn at_most_a_thousand_problems_are_told_and_all_are_counted() {
    let mut api = Api::start(false).await;
    let rows = (0..1_500).map(|_| row("nobody", "Nobody", "")).collect();
    let summary = import(&mut api, rows).await;
    assert_eq!((counts(&summary), summary.problems.len()), ((0, 0, 1_500), 1_000));
    assert_eq!(counts(&import(&mut api, Vec::new()).await), (0, 0, 0));
    api.stop().await;
}

#[tokio::test]
async fn a_row_whose_user_has_moved_since_still_counts_as_created() {
    let mut api = Api::start(true).await;
    assert_eq!(counts(&import(&mut api, dirty("first")).await), (2, 1, 2));
    let listed = api.users.list_users(ListUsersRequest::default()).await.unwrap().into_inner();
    let moved = listed.users.into_iter().find(|user| user.email == "bob@example.org").unwrap();
    let update_mask = Some(prost_types::FieldMask { paths: vec!["email".to_owned()] });
    let user = Some(User { email: "robert@example.org".to_owned(), ..moved });
    api.users.update_user(UpdateUserRequest { user, update_mask, ..Default::default() }).await.unwrap();
    assert_eq!(counts(&import(&mut api, dirty("first")).await), (2, 1, 2));
    api.stop().await;
}

#[tokio::test]
async fn a_name_too_long_is_refused_and_a_row_too_large_is_told_as_such() {
    let mut api = Api::start(false).await;
    let refused = api.users.import_users(tokio_stream::iter(dirty(&"x".repeat(65)))).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "IMPORT_ID_TOO_LONG".to_owned()));
    let rows = vec![row("ada@example.org", &"x".repeat(5 << 20), "")];
    let refused = api.users.import_users(tokio_stream::iter(rows)).await.unwrap_err();
    // The mesh refuses it by its length, before the service sees any of it.
    let info = refused.get_details_error_info().unwrap();
    let told = (refused.code(), info.domain.as_str(), info.reason.as_str());
    assert_eq!(told, (Code::ResourceExhausted, "mesh", "MESSAGE_TOO_LARGE"));
    api.stop().await;
}
