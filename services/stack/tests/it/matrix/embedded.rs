//! The matrix on the embedded store and bus.

use load::torture::Setting;

use super::{
    cases::{Case, cases},
    play, programs, walk,
};

/// Turns that come in the story however much of what goes on behind the callers' backs is done together. Its first
/// three mails are waited for, so there are three sendings and four publications at least.
pub(crate) const TURNS: &[(&str, &[u64])] = &[
    // Of the callers, and of the consumer that makes profiles.
    ("user.before-commit", &[1, 2, 3, 4]),
    ("user.after-commit", &[1, 2, 3, 4]),
    // The first ones make the tables, before the stack is ready.
    ("store.before-commit", &[1, 2, 4, 14, 17, 20, 23, 27, 31, 35, 39, 43]),
    ("store.after-commit", &[1, 2, 4, 14, 17, 20, 23, 27, 31, 35, 39, 43]),
    ("relay.before-publish", &[1, 2, 4]),
    ("relay.after-publish", &[1, 2, 4]),
    // Two consumers share the first two, a third one has the payments.
    ("consumer.before-effect", &[1, 2, 3, 4, 6, 8]),
    ("consumer.after-effect", &[1, 2, 3, 4, 6, 8]),
    ("consumer.after-ack", &[1, 2, 3]),
    ("mail.before-send", &[1, 2, 3]),
    ("mail.after-send", &[1, 2, 3]),
    ("mail.after-record", &[1, 2, 3]),
    // Create, refund, refund, create, capture, create, cancel, create.
    ("payment.before-intent", &[1, 2, 3, 4, 5, 6, 7, 8]),
    ("payment.after-intent", &[1, 2, 3, 4, 5, 6, 7, 8]),
    // To the first of these the provider says two things: it is captured at once.
    ("payment.after-provider", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("payment.after-settle", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("cache.after-load", &[1]),
];

/// Cases at once: a case waits more than it computes.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_loses_and_doubles_nothing() {
    walk(&cases(TURNS), AT_ONCE, alone).await;
}

async fn alone(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    play(case, Setting::new(programs(case), folder.path()), folder).await
}
