//! The outbox.

use std::time::Duration;

use super::harness::{OutboxHarness, event, events};
use crate::Envelope;

async fn pending<H: OutboxHarness>(harness: &H) -> Vec<Envelope> {
    harness.outbox().pending(Duration::ZERO, None, 100).await.expect("pending")
}

/// As it was appended.
pub async fn appended_is_pending_until_it_is_marked<H: OutboxHarness>() {
    let harness = H::start().await;
    assert_eq!(pending(&harness).await, []);
    for envelope in events(0..3) {
        harness.append(&envelope).await;
    }
    assert_eq!(pending(&harness).await, events(0..3));
    harness.outbox().mark_published(&[event(1).outbox_key()]).await.expect("mark");
    assert_eq!(pending(&harness).await, events([0, 2]));
}

/// Equal times are told apart by the id, and no event is skipped between two pages.
pub async fn pending_is_paged_in_order_of_time<H: OutboxHarness>() {
    let harness = H::start().await;
    let mut all: Vec<_> = events(0..7);
    for envelope in &mut all {
        envelope.occur_time_ms = 1_700_000_000_000 + envelope.version % 2;
    }
    for envelope in &all {
        harness.append(envelope).await;
    }
    all.sort_by_key(Envelope::outbox_key);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = harness.outbox().pending(Duration::ZERO, after, 3).await.expect("pending");
        after = page.last().map(Envelope::outbox_key);
        let is_last = page.len() < 3;
        seen.extend(page);
        if is_last {
            break;
        }
    }
    assert_eq!(seen, all);
}

/// The fast path has it.
pub async fn a_young_event_is_not_swept<H: OutboxHarness>() {
    let harness = H::start().await;
    let (mut old, mut young) = (event(0), event(1));
    old.occur_time_ms = harness.now_ms() - 120_000;
    young.occur_time_ms = harness.now_ms();
    harness.append(&old).await;
    harness.append(&young).await;
    let swept = harness.outbox().pending(Duration::from_secs(60), None, 10).await.expect("pending");
    assert_eq!(swept, [old]);
}

/// Requests are repeated, and so are marks.
pub async fn appending_or_marking_twice_changes_nothing<H: OutboxHarness>() {
    let harness = H::start().await;
    for _ in 0..2 {
        harness.append(&event(0)).await;
    }
    assert_eq!(pending(&harness).await, events(0..1));
    for _ in 0..2 {
        harness.outbox().mark_published(&[event(0).outbox_key(), event(9).outbox_key()]).await.expect("mark");
    }
    assert_eq!(pending(&harness).await, []);
}
