//! `SessionService`.

use std::{collections::BTreeMap, time::Duration};

use proto::user::v1::{CreateSessionRequest, DeleteUserRequest, GetSessionRequest, RevokeSessionRequest};
use tonic::{Code, Status};

use super::{Api, fields, told};

async fn open(api: &mut Api, user_id: &str, seconds: i64) -> Result<String, Status> {
    let request = CreateSessionRequest {
        user_id: user_id.to_owned(),
        attributes: BTreeMap::from([("device".to_owned(), "phone".to_owned())]),
        ttl: Some(prost_types::Duration { seconds, nanos: 0 }),
    };
    Ok(api.sessions.create_session(request).await?.into_inner().token)
}

async fn get(api: &mut Api, token: &str) -> Result<proto::user::v1::Session, Status> {
    let request = GetSessionRequest { token: token.to_owned() };
    Ok(api.sessions.get_session(request).await?.into_inner().session.unwrap())
}

fn not_found() -> (Code, String) {
    (Code::NotFound, "SESSION_NOT_FOUND".to_owned())
}

#[tokio::test]
async fn a_token_opens_its_session_until_it_is_revoked() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let token = open(&mut api, &user.user_id, 60).await.unwrap();
    let session = get(&mut api, &token).await.unwrap();
    assert_eq!((session.user_id, session.attributes["device"].as_str()), (user.user_id, "phone"));
    for _ in 0..2 {
        api.sessions.revoke_session(RevokeSessionRequest { token: token.clone() }).await.unwrap();
    }
    assert_eq!(told(&get(&mut api, &token).await.unwrap_err()), not_found());
    api.stop().await;
}

#[tokio::test]
async fn a_session_ends_with_its_time_and_with_its_user() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let short = open(&mut api, &user.user_id, 60).await.unwrap();
    let long = open(&mut api, &user.user_id, 3_600).await.unwrap();
    api.hand.advance(Duration::from_secs(60));
    assert_eq!(told(&get(&mut api, &short).await.unwrap_err()), not_found());
    get(&mut api, &long).await.unwrap();
    api.users.delete_user(DeleteUserRequest { user_id: user.user_id, ..Default::default() }).await.unwrap();
    assert_eq!(told(&get(&mut api, &long).await.unwrap_err()), not_found());
    api.stop().await;
}

#[tokio::test]
async fn what_is_no_token_is_told_apart_from_nothing() {
    let mut api = Api::start(false).await;
    let random = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for token in ["", "x", random] {
        assert_eq!(told(&get(&mut api, token).await.unwrap_err()), not_found(), "{token}");
    }
    let nobody = open(&mut api, "00000000-0000-7000-8000-000000000000", 60).await.unwrap_err();
    assert_eq!(told(&nobody), (Code::NotFound, "USER_NOT_FOUND".to_owned()));
    let refused = open(&mut api, "42", 0).await.unwrap_err();
    assert_eq!(fields(&refused), ["user_id", "ttl"]);
    assert_eq!(fields(&open(&mut api, "42", -1).await.unwrap_err()), ["user_id", "ttl"]);
    api.stop().await;
}
