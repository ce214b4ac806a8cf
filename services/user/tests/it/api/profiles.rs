//! `ProfileService`, and the consumer behind it.

use std::{collections::BTreeMap, time::Duration};

use prost_types::FieldMask;
use proto::user::v1::{DeleteUserRequest, GetProfileRequest, Profile, UpdateProfileRequest};
use tonic::Code;
use user::{domain::UserId, store::ProfileStore as _};

use super::{Api, fields, told};

async fn profile(api: &mut Api, user_id: &str) -> Result<Profile, tonic::Status> {
    let request = GetProfileRequest { user_id: user_id.to_owned(), ..Default::default() };
    Ok(api.profiles.get_profile(request).await?.into_inner().profile.unwrap())
}

fn update(profile: Profile, paths: &[&str]) -> UpdateProfileRequest {
    let paths = paths.iter().map(|path| (*path).to_owned()).collect();
    UpdateProfileRequest {
        profile: Some(profile),
        update_mask: Some(FieldMask { paths }),
        request_id: String::new(),
    }
}

#[tokio::test]
async fn the_consumer_makes_the_profile_of_a_new_user() {
    let mut api = Api::start(true).await;
    let user = api.user("ada@example.org").await;
    let id = UserId::parse("user_id", &user.user_id).unwrap();
    let made = async {
        while api.store.profile(id).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    // Asked of the store: the API would make the profile itself.
    tokio::time::timeout(Duration::from_secs(30), made).await.unwrap();
    let found = profile(&mut api, &user.user_id).await.unwrap();
    assert_eq!((found.display_name.as_str(), found.etag.as_str()), ("Ada", "\"1\""));
    api.stop().await;
}

#[tokio::test]
async fn a_reader_who_comes_before_the_event_finds_the_profile() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let found = profile(&mut api, &user.user_id).await.unwrap();
    assert_eq!(found.user_id, user.user_id);
    api.stop().await;
}

#[tokio::test]
async fn a_writer_reads_its_own_write_from_the_cache() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let first = profile(&mut api, &user.user_id).await.unwrap();
    let attributes = BTreeMap::from([("team".to_owned(), "engines".to_owned())]);
    let new = Profile { display_name: "Countess".to_owned(), attributes, ..first.clone() };
    let request = update(new, &["display_name", "attributes"]);
    let updated = api.profiles.update_profile(request.clone()).await.unwrap().into_inner().profile.unwrap();
    assert_eq!((updated.display_name.as_str(), updated.etag.as_str()), ("Countess", "\"2\""));
    assert_eq!(profile(&mut api, &user.user_id).await.unwrap(), updated);
    let stale = api.profiles.update_profile(request).await.unwrap_err();
    assert_eq!(told(&stale), (Code::Aborted, "ETAG_STALE".to_owned()));
    api.stop().await;
}

#[tokio::test]
async fn a_repeated_update_gets_the_same_answer() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    let new = Profile { user_id: user.user_id, locale: "fr".to_owned(), ..Default::default() };
    let request = UpdateProfileRequest { request_id: "p1".to_owned(), ..update(new, &["locale"]) };
    let first = api.profiles.update_profile(request.clone()).await.unwrap().into_inner();
    assert_eq!(api.profiles.update_profile(request).await.unwrap().into_inner(), first);
    api.stop().await;
}

#[tokio::test]
async fn a_deleted_user_has_no_profile_and_mistakes_are_named() {
    let mut api = Api::start(false).await;
    let user = api.user("ada@example.org").await;
    profile(&mut api, &user.user_id).await.unwrap();
    api.users
        .delete_user(DeleteUserRequest { user_id: user.user_id.clone(), ..Default::default() })
        .await
        .unwrap();
    let gone = profile(&mut api, &user.user_id).await.unwrap_err();
    assert_eq!(told(&gone), (Code::NotFound, "USER_NOT_FOUND".to_owned()));
    let attributes = BTreeMap::from([(String::new(), "x".to_owned())]);
    let new = Profile { user_id: user.user_id, locale: "?".to_owned(), attributes, ..Default::default() };
    let refused =
        api.profiles.update_profile(update(new, &["locale", "attributes", "etag"])).await.unwrap_err();
    assert_eq!(fields(&refused), ["profile.locale", "profile.attributes[\"\"]", "update_mask"]);
    api.stop().await;
}
