//! What every store must hold, in tests that know only the trait.

pub(crate) mod commits;
pub(crate) mod model;
pub(crate) mod races;
pub(crate) mod reads;
pub(crate) mod requests;
pub(crate) mod support;

use std::{sync::Arc, time::Duration};

use payment::store::PaymentStore;
use service_kit::clock::UnixMillis;

/// A backend under test.
pub(crate) trait Harness: Sized {
    /// Random walks against the model, and the most moves of one.
    const WALKS: (u32, usize) = (48, 150);

    /// An empty store.
    async fn new() -> Self;
    /// The store.
    fn store(&self) -> Arc<dyn PaymentStore>;
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

            conformance!(@tests $harness: commits:
                a_life_is_kept_whole_over_a_reopening,
                a_commit_on_another_version_changes_nothing,
                a_step_that_breaks_a_rule_changes_nothing,
                a_pending_transfer_is_resolved_once,
                an_id_belongs_to_one_book,
            );
            conformance!(@tests $harness: races:
                one_of_many_commits_wins_a_version,
                one_of_many_repeats_creates_the_payment,
                refunds_above_what_was_captured_are_refused_under_concurrency,
            );
            conformance!(@tests $harness: reads:
                payments_are_listed_newest_first,
                entries_page_through_the_ledger_in_order,
                open_operations_are_found_until_they_end,
                what_was_given_up_is_found_apart_until_it_is_taken_up,
                authorizations_lapse_in_order_of_time,
                books_page_through_everything_that_was_kept,
                operations_page_through_open_and_ended_ones,
                what_is_not_there_is_not_found,
            );
            conformance!(@tests $harness: requests:
                a_repeat_gets_the_first_operation,
                another_content_is_refused,
                a_refused_commit_is_not_remembered,
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
