//! The suites that every bus and every outbox passes, so that a handler need not know which one it runs on.
//!
//! A test crate implements [`BusHarness`] and [`OutboxHarness`] for its backend, and has every case run with
//! [`bus_conformance!`](crate::bus_conformance) and [`outbox_conformance!`](crate::outbox_conformance):
//!
//! ```ignore
//! mesh_events::bus_conformance!(EmbeddedHarness);
//! mesh_events::outbox_conformance!(EmbeddedHarness);
//! ```

mod bounds;
mod delivery;
mod harness;
mod outbox;
mod parking;
mod queues;
mod restart;
mod retry;

pub use bounds::*;
pub use delivery::*;
pub use harness::{BusHarness, OutboxHarness, QUEUE_EVENTS_MAX, Stop};
pub use outbox::*;
pub use parking::*;
pub use queues::*;
pub use restart::*;
pub use retry::*;

/// Runs every case of the bus suite as a test of its own, for one [`BusHarness`].
#[macro_export]
macro_rules! bus_conformance {
    ($harness:ty) => {
        $crate::conformance_cases!($harness:
            publish_reaches_every_bound_queue,
            what_nobody_asked_for_is_unrouted,
            first_deliveries_keep_the_order_of_publishing,
            a_delivery_is_what_was_published,
            acked_is_never_delivered_again,
            a_dropped_subscription_gives_back_what_was_out,
            settling_with_a_void_receipt_does_nothing,
            giving_up_a_wait_loses_nothing,
            subscriptions_of_one_queue_share_its_events,
            unacked_is_delivered_again_after_a_restart,
            acked_stays_acked_after_a_restart,
            a_killed_attempt_counts,
            a_failure_after_killed_attempts_is_the_first_failure,
            what_was_never_out_is_not_blamed,
            a_clean_stop_counts_no_attempt,
            an_event_that_kills_is_soon_alone,
            retry_waits_and_comes_back_with_its_attempt_raised,
            waiting_events_come_back_each_at_its_time,
            a_waiting_event_survives_a_restart,
            parked_is_listed_page_by_page,
            parked_survives_a_restart_and_is_not_delivered,
            replayed_is_delivered_with_its_attempts_forgotten,
            discarded_is_gone,
            prefetch_bounds_what_is_out,
            a_full_queue_refuses_and_takes_again_when_there_is_room,
            an_event_enters_all_of_its_queues_or_none,
            declaring_again_keeps_events_and_replaces_kinds,
            an_unknown_queue_is_an_error,
        );
    };
}

/// Runs every case of the outbox suite as a test of its own, for one [`OutboxHarness`].
#[macro_export]
macro_rules! outbox_conformance {
    ($harness:ty) => {
        $crate::conformance_cases!($harness:
            appended_is_pending_until_it_is_marked,
            pending_is_paged_in_order_of_time,
            a_young_event_is_not_swept,
            appending_or_marking_twice_changes_nothing,
        );
    };
}

/// One test per case. Of no use by itself.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($harness:ty: $($case:ident,)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$case::<$harness>().await;
            }
        )+
    };
}
