//! What failed for good waits for an operator.

use uuid::Uuid;

use super::harness::*;
use crate::Subscription;

/// Publishes events and parks them all.
async fn parked<H: BusHarness>(count: u64) -> H {
    let harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..count)).await;
    let mut deliveries = subscribe(&harness, &queue(), 16).await;
    for n in 0..count {
        let delivery = next(&mut deliveries).await;
        harness.bus().park(&delivery.receipt, &format!("reason {n}")).await.expect("park");
    }
    harness
}

async fn depth<H: BusHarness>(harness: &H, queue: &Subscription) -> (u64, u64) {
    let depth = harness.bus().depth(&queue.queue).await.expect("depth");
    (depth.ready + depth.leased, depth.parked)
}

/// In order, with reason, time and attempts; a page says where the next one begins.
pub async fn parked_is_listed_page_by_page<H: BusHarness>() {
    let harness: H = parked(5).await;
    let (bus, mut seen, mut after) = (harness.bus(), Vec::new(), None);
    loop {
        let page = bus.parked(&queue().queue, after, 2).await.expect("parked");
        assert!(page.events.len() <= 2);
        for event in &page.events {
            assert!(event.attempts == 1 && event.park_time_ms > 0, "{event:?}");
            seen.push((event.envelope.clone(), event.reason.clone()));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..5).map(|n| (event(n), format!("reason {n}"))).collect();
    assert_eq!(seen, expected);
    let one = bus.parked_event(&queue().queue, event(3).id).await.expect("parked").expect("is there");
    assert_eq!((one.envelope, one.reason.as_str()), (event(3), "reason 3"));
}

/// It is out of the queue's way.
pub async fn parked_survives_a_restart_and_is_not_delivered<H: BusHarness>() {
    let harness = parked::<H>(2).await.restart(Stop::Kill).await;
    assert_eq!(depth(&harness, &queue()).await, (0, 2));
    publish(&harness, &events([9])).await;
    let delivery = next(&mut subscribe(&harness, &queue(), 4).await).await;
    assert_eq!(delivery.envelope, event(9));
}

/// As if it had just been published.
pub async fn replayed_is_delivered_with_its_attempts_forgotten<H: BusHarness>() {
    let harness: H = parked(2).await;
    let bus = harness.bus();
    let mut deliveries = subscribe(&harness, &queue(), 4).await;
    assert!(bus.replay(&queue().queue, event(1).id).await.expect("replay"));
    let delivery = next(&mut deliveries).await;
    assert_eq!((delivery.envelope.clone(), delivery.attempt, delivery.failures), (event(1), 1, 0));
    assert_eq!(depth(&harness, &queue()).await, (1, 1));
    ack(&harness, &[delivery]).await;
    assert!(!bus.replay(&queue().queue, event(1).id).await.expect("replay"), "replayed twice");
}

/// For good, and nothing else is.
pub async fn discarded_is_gone<H: BusHarness>() {
    let harness: H = parked(2).await;
    let bus = harness.bus();
    assert!(bus.discard(&queue().queue, event(0).id).await.expect("discard"));
    assert!(!bus.discard(&queue().queue, event(0).id).await.expect("discard"), "discarded twice");
    assert!(!bus.discard(&queue().queue, Uuid::max()).await.expect("discard"), "never parked");
    let left = bus.parked(&queue().queue, None, 10).await.expect("parked").events;
    assert_eq!(left.iter().map(|parked| parked.envelope.version).collect::<Vec<_>>(), [1]);
    assert_eq!(depth(&harness, &queue()).await, (0, 1));
}
