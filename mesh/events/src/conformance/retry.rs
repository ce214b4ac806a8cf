//! What failed for now comes back, and later than the rest.

use std::time::Duration;

use super::harness::*;

/// Not before its time; what was published later overtakes it.
pub async fn retry_waits_and_comes_back_with_its_attempt_raised<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let mut deliveries = subscribe(&harness, &queue(), 2).await;
    publish(&harness, &events(0..2)).await;
    let failed = next(&mut deliveries).await;
    let after = Duration::from_secs(2);
    harness.bus().retry(&failed.receipt, after).await.expect("retry");
    let other = next(&mut deliveries).await;
    assert_eq!(other.envelope, event(1));
    ack(&harness, &[other]).await;
    let depth = harness.bus().depth(&queue().queue).await.expect("depth");
    assert_eq!((depth.ready, depth.leased, depth.waiting), (0, 0, 1));

    harness.pass(after).await;
    let again = next(&mut deliveries).await;
    assert_eq!((again.envelope.clone(), again.attempt, again.failures), (event(0), 2, 1));
    harness.bus().retry(&again.receipt, after).await.expect("retry");
    harness.pass(after).await;
    let last = next(&mut deliveries).await;
    assert_eq!((last.envelope.clone(), last.attempt, last.failures), (event(0), 3, 2));
    ack(&harness, &[last]).await;
    let depth = harness.bus().depth(&queue().queue).await.expect("depth");
    assert!(depth.is_quiet(), "{depth:?}");
}

/// The later one is not forgotten when the earlier one comes back, whichever was given back first.
pub async fn waiting_events_come_back_each_at_its_time<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let mut deliveries = subscribe(&harness, &queue(), 3).await;
    publish(&harness, &events(0..3)).await;
    let failed = take(&mut deliveries, 3).await;
    for (delivery, seconds) in failed.iter().zip([4, 2, 6]) {
        harness.bus().retry(&delivery.receipt, Duration::from_secs(seconds)).await.expect("retry");
    }
    for (n, left) in [(1, 2), (0, 1), (2, 0)] {
        harness.pass(Duration::from_secs(2)).await;
        assert_eq!(next(&mut deliveries).await.envelope, event(n));
        let depth = harness.bus().depth(&queue().queue).await.expect("depth");
        assert_eq!((depth.ready, depth.waiting), (0, left));
    }
}

/// With its attempts, its failures and its due time.
pub async fn a_waiting_event_survives_a_restart<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let mut deliveries = subscribe(&harness, &queue(), 1).await;
    publish(&harness, &events(0..1)).await;
    let failed = next(&mut deliveries).await;
    let after = Duration::from_secs(2);
    harness.bus().retry(&failed.receipt, after).await.expect("retry");
    drop(deliveries);
    let harness = harness.restart(Stop::Clean).await;
    let depth = harness.bus().depth(&queue().queue).await.expect("depth");
    assert_eq!((depth.ready, depth.waiting), (0, 1));
    harness.pass(after).await;
    let again = next(&mut subscribe(&harness, &queue(), 1).await).await;
    assert_eq!((again.envelope, again.attempt, again.failures), (event(0), 2, 1));
}
