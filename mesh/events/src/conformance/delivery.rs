//! What is published arrives, once it is acknowledged it is over.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use super::harness::*;
use crate::{Outcome, Subscription};

/// An event comes to each queue that is bound to its kind, and to no other.
pub async fn publish_reaches_every_bound_queue<H: BusHarness>() {
    let queues = [
        Subscription::new("a", [CREATED]),
        Subscription::new("b", [DELETED, CREATED]),
        Subscription::new("c", [DELETED]),
    ];
    let harness: H = start(&queues).await;
    publish(&harness, &[event(1)]).await;
    for bound in &queues[..2] {
        let delivery = next(&mut subscribe(&harness, bound, 1).await).await;
        assert_eq!(delivery.envelope, event(1));
    }
    let depth = harness.bus().depth("c").await.expect("depth");
    assert!(depth.is_quiet(), "{depth:?}");
}

/// An event of a kind that no queue is bound to is done with.
pub async fn what_nobody_asked_for_is_unrouted<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let mut stranger = event(1);
    stranger.kind = DELETED;
    let outcomes = outcomes(&harness, &[stranger, event(2)]).await;
    assert_eq!(outcomes, [Outcome::Unrouted, Outcome::Accepted]);
    let delivery = next(&mut subscribe(&harness, &queue(), 1).await).await;
    assert_eq!(delivery.envelope, event(2));
}

/// Within and across batches.
pub async fn first_deliveries_keep_the_order_of_publishing<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let mut deliveries = subscribe(&harness, &queue(), 4).await;
    publish(&harness, &events([5, 3, 9])).await;
    publish(&harness, &events([1])).await;
    publish(&harness, &events([8, 2, 7, 4])).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let taken = take(&mut deliveries, 2).await;
        seen.extend(numbers(&taken));
        ack(&harness, &taken).await;
    }
    assert_eq!(seen, [5, 3, 9, 1, 8, 2, 7, 4]);
}

/// Every field, and the first attempt is number 1.
pub async fn a_delivery_is_what_was_published<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..2)).await;
    let mut deliveries = subscribe(&harness, &queue(), 2).await;
    for delivery in take(&mut deliveries, 2).await {
        assert_eq!(delivery.envelope, event(delivery.envelope.version));
        assert_eq!((delivery.attempt, &*delivery.receipt.queue), (1, "test.created"));
    }
}

/// Not to the same subscription, nor to a later one.
pub async fn acked_is_never_delivered_again<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..3)).await;
    let mut deliveries = subscribe(&harness, &queue(), 3).await;
    let taken = take(&mut deliveries, 3).await;
    ack(&harness, &taken[..2]).await;
    drop(deliveries);
    let again = next(&mut subscribe(&harness, &queue(), 3).await).await;
    assert_eq!(again.envelope, event(2));
    let depth = harness.bus().depth(&queue().queue).await.expect("depth");
    assert_eq!(depth.ready + depth.leased, 1, "{depth:?}");
}

/// In order, those read ahead included, and before what was never out.
pub async fn a_dropped_subscription_gives_back_what_was_out<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..6)).await;
    let mut first = subscribe(&harness, &queue(), 3).await;
    assert_eq!(numbers(&take(&mut first, 3).await), [0, 1, 2]);
    drop(first);
    let mut second = subscribe(&harness, &queue(), 6).await;
    assert_eq!(numbers(&take(&mut second, 6).await), [0, 1, 2, 3, 4, 5]);
}

/// The event belongs to the subscription that has it now.
pub async fn settling_with_a_void_receipt_does_nothing<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..1)).await;
    let mut first = subscribe(&harness, &queue(), 1).await;
    let void = next(&mut first).await;
    drop(first);
    let mut second = subscribe(&harness, &queue(), 1).await;
    next(&mut second).await;
    let bus = harness.bus();
    ack(&harness, std::slice::from_ref(&void)).await;
    bus.park(&void.receipt, "void").await.expect("park");
    bus.retry(&void.receipt, std::time::Duration::ZERO).await.expect("retry");
    let depth = bus.depth(&queue().queue).await.expect("depth");
    assert_eq!((depth.leased, depth.waiting, depth.parked), (1, 0, 0));
    // Had a void receipt counted, nothing would be left to come again.
    drop(second);
    let again = next(&mut subscribe(&harness, &queue(), 1).await).await;
    assert_eq!((again.envelope, again.attempt), (event(0), 1));
}

/// A consumer waits for several things at once, and gives up a wait at any point.
pub async fn giving_up_a_wait_loses_nothing<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let mut deliveries = subscribe(&harness, &queue(), 1).await;
    let mut seen = Vec::new();
    for n in 0..20 {
        // Polled once, which may begin a read, and dropped.
        let early = pin!(deliveries.next()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(early.is_pending(), "a delivery from an empty queue");
        publish(&harness, &events([n])).await;
        let early = pin!(deliveries.next()).poll(&mut Context::from_waker(Waker::noop()));
        let delivery = match early {
            std::task::Poll::Ready(delivery) => delivery.expect("the bus is open").expect("delivery"),
            std::task::Poll::Pending => next(&mut deliveries).await,
        };
        seen.push(delivery.envelope.version);
        ack(&harness, &[delivery]).await;
    }
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
}

/// Each event goes to one of them.
pub async fn subscriptions_of_one_queue_share_its_events<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let mut first = subscribe(&harness, &queue(), 4).await;
    let mut second = subscribe(&harness, &queue(), 4).await;
    publish(&harness, &events(0..8)).await;
    let (a, b) = tokio::join!(take(&mut first, 4), take(&mut second, 4));
    let mut seen = [numbers(&a), numbers(&b)].concat();
    seen.sort_unstable();
    assert_eq!(seen, (0..8).collect::<Vec<_>>());
}
