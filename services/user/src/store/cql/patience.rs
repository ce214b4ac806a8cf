//! Waiting for others who change the same partition.

use std::time::Duration;

use rand::RngExt as _;
use thiserror::Error;
use tokio::time::sleep;

/// The wait before the second attempt, at most; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(10);
/// No wait is longer.
const LONGEST: Duration = Duration::from_millis(80);

/// Others changed the same partition again and again.
#[derive(Debug, Error)]
#[error("others are changing the same user; nothing was changed")]
pub(super) struct Contended;

/// Waits after the `attempt`th attempt (from 0): a random part of a span that grows, so that those who met do not
/// meet again.
pub(super) async fn pause(attempt: u32) {
    let span = FIRST.saturating_mul(1 << attempt.min(8)).min(LONGEST);
    let wait = rand::rng().random_range(span / 4..=span);
    sleep(wait).await;
}
