//! Queues and their bindings.

use super::harness::*;
use crate::{BusError, Outcome, Subscription};

/// The names are what counts: a later version of a service may ask for other kinds.
pub async fn declaring_again_keeps_events_and_replaces_kinds<H: BusHarness>() {
    let harness: H = start(&[queue(), Subscription::new("other", [CREATED])]).await;
    publish(&harness, &events(0..1)).await;
    let changed = Subscription::new(queue().queue, [DELETED]);
    harness.bus().declare(std::slice::from_ref(&changed)).await.expect("declare");
    let mut deleted = event(2);
    deleted.kind = DELETED;
    publish(&harness, &[event(1), deleted]).await;
    let harness = harness.restart(Stop::Clean).await;
    assert_eq!(outcomes(&harness, &events([3])).await, [Outcome::Accepted], "the other queue is still bound");
    let mut deliveries = subscribe(&harness, &changed, 4).await;
    assert_eq!(numbers(&take(&mut deliveries, 2).await), [0, 2]);
    let other = harness.bus().depth("other").await.expect("depth");
    assert_eq!(other.ready, 3);
}

/// A wrong name in an operator's hand is told, not answered with nothing.
pub async fn an_unknown_queue_is_an_error<H: BusHarness>() {
    let harness: H = start(&[queue()]).await;
    let bus = harness.bus();
    let one = std::num::NonZeroUsize::MIN;
    assert!(matches!(bus.subscribe("nobody", one).await.err(), Some(BusError::UnknownQueue(_))));
    assert!(matches!(bus.depth("nobody").await, Err(BusError::UnknownQueue(_))));
    assert!(matches!(bus.parked("nobody", None, 1).await, Err(BusError::UnknownQueue(_))));
    assert!(matches!(bus.replay("nobody", event(0).id).await, Err(BusError::UnknownQueue(_))));
    assert!(matches!(bus.discard("nobody", event(0).id).await, Err(BusError::UnknownQueue(_))));
}
