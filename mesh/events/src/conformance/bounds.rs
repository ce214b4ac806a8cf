//! Every bound holds, and what meets it waits instead of being lost.

use std::pin::pin;
use std::task::{Context, Waker};

use super::harness::*;
use crate::{Outcome, Subscription};

/// Settling one lets one more out.
pub async fn prefetch_bounds_what_is_out<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    publish(&harness, &events(0..10)).await;
    let mut deliveries = subscribe(&harness, &queue(), 3).await;
    let mut out = take(&mut deliveries, 3).await;
    for n in 3..10 {
        let early = pin!(deliveries.next()).poll(&mut Context::from_waker(Waker::noop()));
        assert!(early.is_pending(), "more is out than the prefetch allows");
        let depth = harness.bus().depth(&queue().queue).await.expect("depth");
        assert_eq!((depth.ready, depth.leased), (10 - n, 3));
        ack(&harness, &[out.remove(0)]).await;
        out.push(next(&mut deliveries).await);
        assert_eq!(out[2].envelope, event(n));
    }
}

/// Nothing is dropped to make room, whether the queue's events are ready, out, waiting or parked.
pub async fn a_full_queue_refuses_and_takes_again_when_there_is_room<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let outcomes_of_too_many = outcomes(&harness, &events(0..QUEUE_EVENTS_MAX + 3)).await;
    let (taken, refused) = outcomes_of_too_many.split_at(QUEUE_EVENTS_MAX as usize);
    assert!(taken.iter().all(|outcome| *outcome == Outcome::Accepted), "{taken:?}");
    assert_eq!(refused, [Outcome::QueueFull; 3]);

    let mut deliveries = subscribe(&harness, &queue(), 3).await;
    let out = take(&mut deliveries, 3).await;
    harness.bus().park(&out[0].receipt, "no room").await.expect("park");
    harness.bus().retry(&out[1].receipt, std::time::Duration::from_secs(3600)).await.expect("retry");
    assert_eq!(outcomes(&harness, &events([200])).await, [Outcome::QueueFull]);
    ack(&harness, &out[2..]).await;
    assert_eq!(outcomes(&harness, &events([201, 202])).await, [Outcome::Accepted, Outcome::QueueFull]);
    let depth = harness.bus().depth(&queue().queue).await.expect("depth");
    assert_eq!((depth.ready, depth.waiting, depth.parked), (QUEUE_EVENTS_MAX - 2, 1, 1));
}

/// A queue without room keeps an event out of the others too, so that publishing it again reaches each once.
pub async fn an_event_enters_all_of_its_queues_or_none<H: BusHarness>() {
    let narrow = Subscription::new("narrow", [CREATED]);
    let wide = Subscription::new("wide", [CREATED, DELETED]);
    let harness: H = start(&[narrow.clone(), wide.clone()]).await;
    publish(&harness, &events(0..QUEUE_EVENTS_MAX - 1)).await;
    let mut drain = subscribe(&harness, &wide, 128).await;
    let seen = take(&mut drain, QUEUE_EVENTS_MAX as usize - 1).await;
    ack(&harness, &seen).await;

    let mut other_kind = event(1000);
    other_kind.kind = DELETED;
    let batch = [event(300), event(301), other_kind.clone()];
    let outcomes = outcomes(&harness, &batch).await;
    assert_eq!(outcomes, [Outcome::Accepted, Outcome::QueueFull, Outcome::Accepted]);
    let reached = take(&mut drain, 2).await;
    assert_eq!(numbers(&reached), [300, 1000]);
    let depth = harness.bus().depth("wide").await.expect("depth");
    assert_eq!((depth.ready, depth.leased), (0, 2));
}
