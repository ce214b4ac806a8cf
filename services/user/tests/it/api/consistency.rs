//! Consistency tokens and what a read must see.

use proto::user::v1::{
    Consistency, DeleteUserRequest, GetProfileRequest, GetUserRequest, ListUsersRequest, Profile,
    UpdateProfileRequest, UpdateUserRequest, User, get_user_request::Key,
};
use tonic::{Code, Request, Response};

use super::{Api, fields, told};

const TOKEN: &str = "x-consistency-token";

fn token<T>(response: &Response<T>) -> String {
    response.metadata().get(TOKEN).unwrap().to_str().unwrap().to_owned()
}

fn with_tokens<T>(message: T, tokens: &[&str]) -> Request<T> {
    let mut request = Request::new(message);
    for token in tokens {
        request.metadata_mut().append(TOKEN, token.parse().unwrap());
    }
    request
}

fn by_id(user: &User) -> GetUserRequest {
    GetUserRequest { key: Some(Key::UserId(user.user_id.clone())), ..Default::default() }
}

#[tokio::test]
async fn every_write_answers_a_token_of_its_own_version() {
    let mut api = Api::start(true).await;
    let user = api.user("ada@example.org").await;
    let id = user.user_id.clone();
    let update = UpdateUserRequest {
        user: Some(User { display_name: "Countess".to_owned(), ..user.clone() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["display_name".to_owned()] }),
        ..Default::default()
    };
    let updated = api.users.update_user(update).await.unwrap();
    assert_eq!(token(&updated), format!("{id}:2"));
    let get = GetProfileRequest { user_id: id.clone(), ..Default::default() };
    api.profiles.get_profile(get.clone()).await.unwrap();
    let update = UpdateProfileRequest {
        profile: Some(Profile { user_id: id.clone(), locale: "fr".to_owned(), ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["locale".to_owned()] }),
        ..Default::default()
    };
    let profile = token(&api.profiles.update_profile(update).await.unwrap());
    assert_eq!(profile, format!("{id}:2"));
    let read = api.profiles.get_profile(with_tokens(get, &[&profile])).await.unwrap().into_inner();
    assert_eq!(read.profile.unwrap().locale, "fr");

    let delete = DeleteUserRequest { user_id: id.clone(), request_id: "d".to_owned(), ..Default::default() };
    assert_eq!(token(&api.users.delete_user(delete.clone()).await.unwrap()), format!("{id}:3"));
    let again = token(&api.users.delete_user(delete).await.unwrap());
    assert_eq!(again, format!("{id}:{}", u64::MAX), "whichever version it was, it is this old at most");
    let gone = api.users.get_user(with_tokens(by_id(&user), &[&again])).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    api.stop().await;
}

#[tokio::test]
async fn a_read_says_how_much_it_must_see() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let tokens = format!("{0}:1, {0}:1", user.user_id);
    for consistency in [Consistency::Unspecified, Consistency::Eventual, Consistency::Strong] {
        let request = GetUserRequest { consistency: consistency.into(), ..by_id(&user) };
        let found = api.users.get_user(with_tokens(request, &[&tokens, &tokens])).await.unwrap();
        assert_eq!(found.into_inner().user.as_ref(), Some(&user));
    }
    let list = ListUsersRequest { consistency: 9, ..Default::default() };
    let unknown = api.users.list_users(list).await.unwrap_err();
    assert_eq!(told(&unknown), (Code::InvalidArgument, "CONSISTENCY_INVALID".to_owned()));
    for wrong in ["x", "", &format!("{}:-1", user.user_id), &vec![tokens; 51].join(",")] {
        let refused = api.users.get_user(with_tokens(by_id(&user), &[wrong])).await.unwrap_err();
        assert_eq!(
            told(&refused),
            (Code::InvalidArgument, "CONSISTENCY_TOKEN_INVALID".to_owned()),
            "{wrong}"
        );
        assert_eq!(fields(&refused), [TOKEN]);
    }
    api.stop().await;
}
