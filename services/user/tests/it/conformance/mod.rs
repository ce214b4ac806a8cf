//! What every store must hold, in tests that know only the traits.

pub(crate) mod model;
pub(crate) mod profiles;
pub(crate) mod requests;
pub(crate) mod sessions;
pub(crate) mod users;

use std::{sync::Arc, time::Duration};

use service_kit::{clock::UnixMillis, requests::Request};
use user::{
    domain::{DisplayName, Email, Locale, Profile, User, UserId},
    events,
    store::{Committed, CreateUser, DeleteUser, ReplaceProfile, ReplaceUser, Store, StoreError},
};

/// A backend under test.
pub(crate) trait Harness: Sized {
    /// An empty store.
    async fn new() -> Self;
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
    /// The time that the store goes by.
    fn now(&self) -> UnixMillis;
    /// Moves that time.
    fn advance(&self, duration: Duration);
    /// The same store after a stop and a start.
    async fn reopen(self) -> Self;
    /// The events in the outbox, oldest first.
    async fn events(&self) -> Vec<mesh_events::Envelope>;
}

/// Runs the whole suite against a [`Harness`].
macro_rules! conformance {
    ($harness:ty) => {
        mod suite {
            use crate::conformance::{self as cases, conformance};

            conformance!(@tests $harness: users:
                a_created_user_is_found_by_id_and_address_after_reopening,
                a_taken_address_is_refused_and_changes_nothing,
                one_of_many_creators_wins_an_address,
                one_of_many_writers_wins_a_version,
                a_change_is_built_on_the_version_it_names,
                a_moved_address_is_free_for_another,
                each_change_tells_one_event,
                listing_pages_through_everybody_once,
            );
            conformance!(@tests $harness: profiles:
                a_profile_follows_the_user_and_is_made_once,
                a_stale_profile_is_refused,
                no_profile_without_a_user,
            );
            conformance!(@tests $harness: sessions:
                a_session_opens_until_it_is_ended,
                no_session_without_a_user,
                sessions_end_with_their_user,
            );
            conformance!(@tests $harness: requests:
                a_repeat_gets_the_first_answer,
                a_repeat_of_a_deletion_is_a_deletion,
                another_content_is_refused,
                a_forgotten_request_is_new,
            );

            #[test]
            fn agrees_with_the_model() {
                cases::model::agrees_with_the_model::<$harness>();
            }
        }
    };
    (@tests $harness:ty: $module:ident: $($name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                cases::$module::$name(<$harness as cases::Harness>::new().await).await;
            }
        )*
    };
}
pub(crate) use conformance;

/// The `n`th user, at version 1.
pub(crate) fn person(n: u64, address: &str, now: UnixMillis) -> User {
    User {
        id: UserId::derived(&n.to_be_bytes()),
        email: Email::parse("email", address).unwrap(),
        display_name: DisplayName::parse("display_name", &format!("Person {n}")).unwrap(),
        locale: Locale::default(),
        version: 1,
        created: now,
        updated: now,
    }
}

/// A request with the content as its fingerprint.
pub(crate) fn request(id: &str, content: &str) -> Option<Request> {
    Request::new("test", id, &[content.as_bytes()]).unwrap()
}

pub(crate) async fn create(
    store: &dyn Store,
    user: &User,
    request: Option<Request>,
) -> Result<Committed<User>, StoreError> {
    store.create_user(CreateUser { user: user.clone(), request, event: events::created(user) }).await
}

pub(crate) async fn replace(
    store: &dyn Store,
    user: &User,
    request: Option<Request>,
) -> Result<Committed<User>, StoreError> {
    store.replace_user(ReplaceUser { user: user.clone(), request, event: events::updated(user) }).await
}

pub(crate) async fn delete(
    store: &dyn Store,
    user: &User,
    request: Option<Request>,
) -> Result<Committed<()>, StoreError> {
    let event = events::deleted(user, user.updated);
    let command = DeleteUser { id: user.id, expected: user.version, now: user.updated, request, event };
    store.delete_user(command).await
}

pub(crate) async fn replace_profile(
    store: &dyn Store,
    profile: &Profile,
    request: Option<Request>,
) -> Result<Committed<Profile>, StoreError> {
    let event = events::profile_updated(profile);
    store.replace_profile(ReplaceProfile { profile: profile.clone(), request, event }).await
}

/// The user under this id.
pub(crate) async fn by_id(store: &dyn Store, id: UserId) -> Option<User> {
    store.users(&[id]).await.unwrap().pop().flatten()
}
