//! `UserService`.

use prost_types::FieldMask;
use proto::user::v1::{
    BatchGetUsersRequest, CreateUserRequest, DeleteUserRequest, GetUserRequest, ListUsersRequest,
    UpdateUserRequest, User, get_user_request::Key,
};
use tonic::Code;

use super::{Api, fields, told};

fn by_id(id: &str) -> GetUserRequest {
    GetUserRequest { key: Some(Key::UserId(id.to_owned())), ..Default::default() }
}

fn by_email(email: &str) -> GetUserRequest {
    GetUserRequest { key: Some(Key::Email(email.to_owned())), ..Default::default() }
}

#[tokio::test]
async fn a_created_user_is_read_by_id_and_by_any_spelling_of_the_address() {
    let mut api = Api::start(true).await;
    let user = api.user("  Ada@Example.org ").await;
    assert_eq!((user.email.as_str(), user.etag.as_str()), ("Ada@Example.org", "\"1\""));
    for request in [by_id(&user.user_id), by_email("ada@example.org"), by_email("ADA@EXAMPLE.ORG")] {
        assert_eq!(api.users.get_user(request).await.unwrap().into_inner().user.as_ref(), Some(&user));
    }
    api.stop().await;
}

#[tokio::test]
async fn everything_wrong_with_a_request_is_told_at_once() {
    let mut api = Api::start(false).await;
    let request = CreateUserRequest {
        email: "nobody".to_owned(),
        display_name: "bad\u{7}name".to_owned(),
        locale: "not a tag".to_owned(),
        request_id: "x".repeat(65),
    };
    let refused = api.users.create_user(request).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "REQUEST_INVALID".to_owned()));
    assert_eq!(fields(&refused), ["email", "display_name", "locale", "request_id"]);
    let refused = api.users.get_user(GetUserRequest::default()).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "KEY_MISSING".to_owned()));
    let refused = api.users.get_user(by_id("42")).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "USER_ID_INVALID".to_owned()));
    api.stop().await;
}

#[tokio::test]
async fn a_taken_address_says_nothing_of_its_owner() {
    let mut api = Api::start(false).await;
    let owner = api.user("ada@example.org").await;
    let request = CreateUserRequest {
        email: "ADA@example.org".to_owned(),
        display_name: "Eve".to_owned(),
        ..Default::default()
    };
    let refused = api.users.create_user(request).await.unwrap_err();
    assert_eq!(told(&refused), (Code::AlreadyExists, "EMAIL_TAKEN".to_owned()));
    let all = format!("{refused:?}");
    assert!(!all.contains(&owner.user_id) && !all.contains("Ada"), "{all}");
    api.stop().await;
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_other_content_is_refused() {
    let mut api = Api::start(false).await;
    let request = CreateUserRequest {
        email: "ada@example.org".to_owned(),
        display_name: "Ada".to_owned(),
        request_id: "r1".to_owned(),
        ..Default::default()
    };
    let first = api.users.create_user(request.clone()).await.unwrap().into_inner();
    let again = api.users.create_user(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = CreateUserRequest { display_name: "Eve".to_owned(), ..request };
    let refused = api.users.create_user(other).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "REQUEST_ID_REUSED".to_owned()));
    api.stop().await;
}

#[tokio::test]
async fn an_update_changes_what_the_mask_names_under_a_fresh_etag() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let new = User {
        email: "lovelace@example.org".to_owned(),
        display_name: "not named".to_owned(),
        locale: "en-GB".to_owned(),
        ..user.clone()
    };
    let update_mask = Some(FieldMask { paths: vec!["email".to_owned(), "locale".to_owned()] });
    let request = UpdateUserRequest { user: Some(new), update_mask, request_id: "u1".to_owned() };
    let updated = api.users.update_user(request.clone()).await.unwrap().into_inner().user.unwrap();
    assert_eq!((updated.email.as_str(), updated.display_name.as_str()), ("lovelace@example.org", "Ada"));
    assert_eq!((updated.locale.as_str(), updated.etag.as_str()), ("en-GB", "\"2\""));
    // The same request again gets its answer, although its etag is stale by now.
    assert_eq!(api.users.update_user(request.clone()).await.unwrap().into_inner().user.unwrap(), updated);
    let stale =
        api.users.update_user(UpdateUserRequest { request_id: String::new(), ..request }).await.unwrap_err();
    assert_eq!(told(&stale), (Code::Aborted, "ETAG_STALE".to_owned()));
    let gone = api.users.get_user(by_email("ada@example.org")).await.unwrap_err();
    assert_eq!(told(&gone), (Code::NotFound, "USER_NOT_FOUND".to_owned()));
    api.stop().await;
}

#[tokio::test]
async fn an_update_names_every_bad_field_and_mask() {
    let mut api = Api::start(false).await;
    let new = User {
        user_id: "42".to_owned(),
        etag: "W/1".to_owned(),
        email: "x".to_owned(),
        ..Default::default()
    };
    let update_mask = Some(FieldMask { paths: vec!["email".to_owned(), "user_id".to_owned()] });
    let request = UpdateUserRequest { user: Some(new), update_mask, ..Default::default() };
    let refused = api.users.update_user(request).await.unwrap_err();
    assert_eq!(fields(&refused), ["user.user_id", "user.etag", "user.email", "update_mask"]);
    let refused = api.users.update_user(UpdateUserRequest::default()).await.unwrap_err();
    assert_eq!(fields(&refused), ["user.user_id", "update_mask"]);
    api.stop().await;
}

#[tokio::test]
async fn a_deleted_user_is_gone_and_the_address_is_free() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let request = |etag: &str, request_id: &str| DeleteUserRequest {
        user_id: user.user_id.clone(),
        etag: etag.to_owned(),
        request_id: request_id.to_owned(),
    };
    let stale = api.users.delete_user(request("\"9\"", "")).await.unwrap_err();
    assert_eq!(told(&stale), (Code::Aborted, "ETAG_STALE".to_owned()));
    api.users.delete_user(request("\"1\"", "d1")).await.unwrap();
    api.users.delete_user(request("\"1\"", "d1")).await.unwrap();
    let gone = api.users.delete_user(request("", "")).await.unwrap_err();
    assert_eq!(told(&gone), (Code::NotFound, "USER_NOT_FOUND".to_owned()));
    let next = api.user("ada@example.org").await;
    assert_ne!(next.user_id, user.user_id);
    api.stop().await;
}

#[tokio::test]
async fn a_batch_keeps_the_order_and_names_who_is_missing() {
    let mut api = Api::start(false).await;
    let (ada, bob) = (api.user("ada@example.org").await, api.user("bob@example.org").await);
    let nobody = "00000000-0000-7000-8000-000000000000".to_owned();
    let user_ids = vec![bob.user_id.clone(), nobody.clone(), ada.user_id.clone()];
    let found = api
        .users
        .batch_get_users(BatchGetUsersRequest { user_ids, ..Default::default() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!((found.users, found.missing_user_ids), (vec![bob, ada], vec![nobody.clone()]));
    for user_ids in [vec![], vec![nobody; 101]] {
        let refused = api
            .users
            .batch_get_users(BatchGetUsersRequest { user_ids, ..Default::default() })
            .await
            .unwrap_err();
        assert_eq!(told(&refused), (Code::InvalidArgument, "BATCH_SIZE_INVALID".to_owned()));
    }
    let user_ids = vec!["x".to_owned(), "y".to_owned()];
    let refused =
        api.users.batch_get_users(BatchGetUsersRequest { user_ids, ..Default::default() }).await.unwrap_err();
    assert_eq!(fields(&refused), ["user_ids[0]", "user_ids[1]"]);
    api.stop().await;
}

#[tokio::test]
async fn pages_cover_everybody_once_and_tokens_are_not_to_be_made_up() {
    let mut api = Api::start(false).await;
    for n in 0..7 {
        api.user(&format!("u{n}@example.org")).await;
    }
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListUsersRequest { page_size: 3, page_token, ..Default::default() };
        let page = api.users.list_users(request).await.unwrap().into_inner();
        assert!(page.users.len() <= 3);
        seen.extend(page.users.into_iter().map(|user| user.user_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.is_sorted());
    let request = ListUsersRequest { page_size: -1, page_token: "made up".to_owned(), ..Default::default() };
    assert_eq!(fields(&api.users.list_users(request).await.unwrap_err()), ["page_size", "page_token"]);
    api.stop().await;
}
