//! What a stop, clean or not, leaves to the next run.

use std::time::Duration;

use super::harness::*;

/// Whether the stop was clean or not.
pub async fn unacked_is_delivered_again_after_a_restart<H: BusHarness>() {
    for stop in [Stop::Clean, Stop::Kill] {
        let harness: H = start(&[queue()]).await;
        publish(&harness, &events(0..4)).await;
        let mut deliveries = subscribe(&harness, &queue(), 2).await;
        take(&mut deliveries, 2).await;
        drop(deliveries);
        let harness = harness.restart(stop).await;
        let mut deliveries = subscribe(&harness, &queue(), 4).await;
        let mut seen = Vec::new();
        for _ in 0..4 {
            let delivery = next(&mut deliveries).await;
            seen.push(delivery.envelope.version);
            ack(&harness, &[delivery]).await;
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3], "after {stop:?}");
    }
}

/// The queue and its bindings are still there, and what comes next arrives alone.
pub async fn acked_stays_acked_after_a_restart<H: BusHarness>() {
    let mut harness: H = start(&[queue()]).await;
    for (n, stop) in [(0, Stop::Kill), (1, Stop::Clean), (2, Stop::Kill)] {
        publish(&harness, &events([n])).await;
        let mut deliveries = subscribe(&harness, &queue(), 2).await;
        let taken = take(&mut deliveries, 1).await;
        assert_eq!(numbers(&taken), [n]);
        ack(&harness, &taken).await;
        drop(deliveries);
        harness = harness.restart(stop).await;
    }
    let depth = harness.bus().depth(&queue().queue).await.expect("depth");
    assert!(depth.is_quiet(), "{depth:?}");
}

/// An event that was out when the process was killed may be what killed it.
pub async fn a_killed_attempt_counts<H: BusHarness>() {
    let mut harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..1)).await;
    for attempt in 1..=4 {
        let mut deliveries = subscribe(&harness, &queue(), 8).await;
        let delivery = next(&mut deliveries).await;
        assert_eq!((delivery.attempt, delivery.failures), (attempt, 0));
        drop(deliveries);
        harness = harness.restart(Stop::Kill).await;
    }
}

/// What interrupted the earlier attempts says nothing about the handler's trouble.
pub async fn a_failure_after_killed_attempts_is_the_first_failure<H: BusHarness>() {
    let mut harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..1)).await;
    for _ in 0..2 {
        let mut deliveries = subscribe(&harness, &queue(), 1).await;
        next(&mut deliveries).await;
        drop(deliveries);
        harness = harness.restart(Stop::Kill).await;
    }
    let mut deliveries = subscribe(&harness, &queue(), 1).await;
    let failed = next(&mut deliveries).await;
    assert_eq!((failed.attempt, failed.failures), (3, 0));
    let after = Duration::from_secs(2);
    harness.bus().retry(&failed.receipt, after).await.expect("retry");
    harness.pass(after).await;
    let again = next(&mut deliveries).await;
    assert_eq!((again.attempt, again.failures), (4, 1));
}

/// An earlier run's events were out, this one's never were.
pub async fn what_was_never_out_is_not_blamed<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..1)).await;
    let mut deliveries = subscribe(&harness, &queue(), 1).await;
    ack(&harness, &take(&mut deliveries, 1).await).await;
    drop(deliveries);
    let harness = harness.restart(Stop::Kill).await;
    publish(&harness, &events([1])).await;
    let harness = harness.restart(Stop::Kill).await;
    let delivery = next(&mut subscribe(&harness, &queue(), 1).await).await;
    assert_eq!((delivery.envelope, delivery.attempt), (event(1), 1));
}

/// A deploy is no failure.
pub async fn a_clean_stop_counts_no_attempt<H: BusHarness>() {
    let mut harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..1)).await;
    for _ in 0..4 {
        let mut deliveries = subscribe(&harness, &queue(), 8).await;
        assert_eq!(next(&mut deliveries).await.attempt, 1);
        drop(deliveries);
        harness = harness.restart(Stop::Clean).await;
    }
}

/// One of forty events kills the process whenever it is out. Its attempts grow with every crash, until a
/// consumer gives it up; the others are all handled, and none of them is blamed more than twice.
pub async fn an_event_that_kills_is_soon_alone<H: BusHarness>() {
    const DEADLY: u64 = 17;
    const ATTEMPTS_MAX: u32 = 8;
    let mut harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..40)).await;
    let mut handled = Vec::new();
    'runs: for run in 1.. {
        assert!(run <= 2 * ATTEMPTS_MAX, "the crash loop does not end; handled {handled:?}");
        let mut deliveries = subscribe(&harness, &queue(), 16).await;
        let mut out = Vec::new();
        while handled.len() < 40 {
            // A batch of handlers runs side by side, so a crash takes all of them.
            let deadline = out.is_empty();
            match deliver_now(&mut deliveries, deadline).await {
                Some(delivery) if delivery.attempt > ATTEMPTS_MAX => {
                    assert_eq!(delivery.envelope.version, DEADLY);
                    harness.bus().park(&delivery.receipt, "it kills").await.expect("park");
                    handled.push(DEADLY);
                }
                Some(delivery) => {
                    let is_innocent = delivery.envelope.version != DEADLY;
                    assert!(!is_innocent || delivery.attempt <= 3, "blamed: {delivery:?}");
                    out.push(delivery);
                }
                None if numbers(&out).contains(&DEADLY) => {
                    drop(deliveries);
                    harness = harness.restart(Stop::Kill).await;
                    continue 'runs;
                }
                None => {
                    handled.extend(numbers(&out));
                    ack(&harness, &out).await;
                    out.clear();
                }
            }
        }
        break;
    }
    handled.sort_unstable();
    assert_eq!(handled, (0..40).collect::<Vec<_>>());
}

/// The next delivery; `None` when there is none for now and the caller has something else to do.
async fn deliver_now(deliveries: &mut Box<dyn crate::Deliveries>, is_idle: bool) -> Option<crate::Delivery> {
    if is_idle {
        return Some(next(deliveries).await);
    }
    let soon = tokio::time::timeout(Duration::from_millis(50), deliveries.next()).await;
    soon.ok().map(|delivery| delivery.expect("the bus is open").expect("delivery"))
}
