//! What every store must hold, in tests that know only the trait.

pub(crate) mod claims;
pub(crate) mod enqueue;
pub(crate) mod holds;
pub(crate) mod list;
pub(crate) mod model;

use std::{sync::Arc, time::Duration};

use notification::{
    domain::{Content, Notification, NotificationId, Recipient, Text, Verdict},
    store::{Enqueued, NotificationStore, StoreError},
};
use service_kit::{clock::UnixMillis, requests::Request};
use uuid::Uuid;

/// A backend under test.
pub(crate) trait Harness: Sized {
    /// Random walks beside the model.
    const CASES: u32 = 48;

    /// An empty store.
    async fn new() -> Self;
    /// The store.
    fn store(&self) -> Arc<dyn NotificationStore>;
    /// The time that the store goes by.
    fn now(&self) -> UnixMillis;
    /// Moves that time.
    fn advance(&self, duration: Duration);
    /// The same store after its holder is gone and another one has started.
    async fn reopen(self) -> Self;
}

/// Runs the whole suite against a [`Harness`].
macro_rules! conformance {
    ($harness:ty) => {
        mod suite {
            use crate::conformance::{self as cases, conformance};

            conformance!(@tests $harness: enqueue:
                what_was_taken_on_is_found_after_reopening,
                an_id_is_taken_on_once,
                one_of_many_takes_an_id_on,
                a_repeat_gets_the_first_answer,
                another_content_is_refused,
                a_forgotten_request_is_new,
                one_of_two_contents_wins_a_race,
            );
            conformance!(@tests $harness: list:
                pages_cover_a_users_notifications_once_newest_first,
                what_comes_while_paging_moves_no_page,
                nobody_has_none,
            );
            conformance!(@tests $harness: claims:
                what_is_due_longest_is_claimed_first_and_only_once,
                concurrent_claimers_share_what_is_due,
                what_is_settled_for_good_is_never_claimed_again,
                a_transient_failure_is_due_when_the_ladder_says,
                verdicts_are_answered_in_order_without_the_unknown,
                what_was_held_is_due_again_after_reopening,
                what_was_settled_stays_settled_after_reopening,
                what_is_held_does_not_count_as_next,
            );
            conformance!(@tests $harness: holds:
                what_is_held_from_the_start_is_nobody_elses,
                what_is_held_from_the_start_is_tried_again_like_any_other,
                what_is_released_is_due_again,
                only_what_is_new_is_held,
                one_of_many_holds_an_id,
                a_repeat_ends_nobodys_lease,
                what_was_held_from_the_start_is_due_after_reopening,
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

/// The `n`th person.
pub(crate) fn person(n: u64) -> Uuid {
    Uuid::from_u128(n.into())
}

/// A notification under the `n`th id, given as text.
pub(crate) fn text(n: u64, user: Uuid, now: UnixMillis) -> Notification {
    let text = Text::parse("text", &format!("Subject {n}"), "Body".to_owned()).unwrap();
    let (id, subject) = (NotificationId::derived(&n.to_be_bytes()), text.subject().to_owned());
    let recipient = Recipient::parse("recipient", "ada@example.org").unwrap();
    Notification::new(id, user, recipient, Content::Text(text), subject, now)
}

/// A request with the content as its fingerprint.
pub(crate) fn request(id: &str, content: &str) -> Option<Request> {
    Request::new("test", id, &[content.as_bytes()]).unwrap()
}

pub(crate) async fn enqueue(
    store: &dyn NotificationStore,
    notification: &Notification,
    request: Option<Request>,
) -> Result<Enqueued, StoreError> {
    store.enqueue(notification.clone(), request, false).await
}

/// Takes on the notifications under these ids, all of the same person and at the same time.
pub(crate) async fn fill(harness: &impl Harness, numbers: std::ops::Range<u64>) -> Vec<Notification> {
    let taken_on: Vec<_> = numbers.map(|n| text(n, person(1), harness.now())).collect();
    for notification in &taken_on {
        enqueue(&*harness.store(), notification, None).await.unwrap();
    }
    taken_on
}

/// The ids of up to `limit` notifications, which are held from now on.
pub(crate) async fn claim(harness: &impl Harness, limit: usize) -> Vec<NotificationId> {
    let claimed = harness.store().claim(harness.now(), limit).await.unwrap();
    claimed.iter().map(|notification| notification.id).collect()
}

pub(crate) async fn settle(harness: &impl Harness, id: NotificationId, verdict: Verdict) -> Notification {
    let mut settled = harness.store().settle(vec![(id, verdict)], harness.now()).await.unwrap();
    assert_eq!(settled.len(), 1);
    settled.remove(0)
}

/// A verdict that promises another try.
pub(crate) fn busy() -> Verdict {
    Verdict::Transient("busy".to_owned())
}

pub(crate) fn sorted(mut ids: Vec<NotificationId>) -> Vec<NotificationId> {
    ids.sort_unstable();
    ids
}
