//! The matrix on a CQL node and a broker.

use load::torture::Setting;

use super::{
    cases::{Case, cases},
    play, programs, walk,
};
use crate::place::Place;

/// Turns that come in the story, as in the other matrix. Publications and marks are what is done together most; of
/// them there are at least four.
pub(crate) const TURNS: &[(&str, &[u64])] = &[
    ("user.before-commit", &[1, 2, 4]),
    ("user.after-commit", &[1, 2, 4]),
    ("relay.before-publish", &[1, 2, 4]),
    ("relay.after-publish", &[1, 2, 4]),
    ("consumer.before-effect", &[1, 2, 4, 7]),
    ("consumer.after-effect", &[1, 2, 4, 7]),
    ("consumer.after-ack", &[1, 2, 4, 7]),
    ("mail.before-send", &[1, 2, 3]),
    ("mail.after-send", &[1, 2, 3]),
    ("mail.after-record", &[1, 2, 3]),
    ("payment.before-intent", &[1, 3, 5, 7]),
    ("payment.after-intent", &[1, 3, 5, 7]),
    ("payment.after-provider", &[1, 3, 5, 8]),
    ("payment.after-settle", &[1, 3, 5, 8]),
    ("cache.after-load", &[1]),
    ("notification.before-row", &[1, 2, 4, 7]),
    ("notification.before-unpoint", &[1, 2, 3]),
    // Of users, profiles and payments alike; the last but one creates the second user.
    ("commit.after-intent", &[1, 2, 4, 8, 13, 18, 23]),
    ("commit.before-commit", &[1, 2, 4, 8, 13, 18, 23]),
    // Only of those that have an event.
    ("commit.after-commit", &[1, 3, 6, 9, 13]),
    ("commit.after-mark", &[1, 2, 3, 4]),
];

/// Cases at once.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_on_servers_loses_and_doubles_nothing() {
    walk(&cases(TURNS), AT_ONCE, on_servers).await;
}

async fn on_servers(case: &Case) -> Result<(), String> {
    let (folder, place) = (tempfile::tempdir().unwrap(), Place::lend().await);
    play(case, place.of(Setting::new(programs(case), folder.path())), folder).await
}
