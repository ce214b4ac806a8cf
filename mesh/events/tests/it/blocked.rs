//! A broker that is short of memory takes nothing from publishers; everything else goes on.

use std::{num::NonZeroUsize, time::Duration};

use mesh_events::{
    Bus, BusError, Outcome, Subscription,
    rabbitmq::{LinkState, RabbitBus, RabbitConfig},
};

use crate::{
    fake_broker::{FakeBroker, Script},
    harness::{CREATED, bounded, events, until},
};

const ONE_BY_ONE: Script = Script { confirms: 1, returns: std::collections::BTreeSet::new() };

async fn bus(broker: &FakeBroker) -> RabbitBus {
    let config = RabbitConfig {
        blocked_timeout: Duration::from_millis(50),
        confirm_timeout: Duration::from_millis(500),
        ..broker.config()
    };
    let bus = RabbitBus::open(config);
    broker.follow(ONE_BY_ONE);
    let queue = Subscription::new("test", [CREATED]);
    bounded(bus.declare(&[queue])).await.expect("declare");
    let published = bounded(bus.publish(&events([1]))).await.expect("publish");
    assert_eq!(published[0].outcome, Outcome::Accepted);
    bus
}

async fn is(bus: &RabbitBus, state: LinkState) {
    until("the bus does not see it", || async { bus.publishing() == state }).await;
}

fn low() -> LinkState {
    LinkState::Blocked("low on memory".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishing_is_refused_while_it_is_blocked_and_goes_on_afterwards() {
    let broker = FakeBroker::start().await;
    let bus = bus(&broker).await;
    broker.block();
    is(&bus, low()).await;
    let refused = bounded(bus.publish(&events([2]))).await;
    assert!(matches!(refused, Err(BusError::Unavailable(_))), "{refused:?}");
    broker.unblock();
    is(&bus, LinkState::Up).await;
    let published = bounded(bus.publish(&events([2]))).await.expect("publish");
    assert_eq!(published[0].outcome, Outcome::Accepted);
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_is_blocked_half_way_is_given_up() {
    let broker = FakeBroker::start().await;
    let bus = bus(&broker).await;
    broker.follow(Script::default());
    let publishing = tokio::spawn({
        let bus = bus.clone();
        async move { bus.publish(&events([2])).await }
    });
    broker.block();
    let given_up = bounded(publishing).await.expect("the task lives");
    assert!(matches!(given_up, Err(BusError::Unavailable(_))), "{given_up:?}");
    broker.unblock();
    broker.follow(ONE_BY_ONE);
    is(&bus, LinkState::Up).await;
    let published = bounded(bus.publish(&events([2]))).await.expect("publish");
    assert_eq!(published[0].outcome, Outcome::Accepted);
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledging_goes_on_while_publishing_is_blocked() {
    let broker = FakeBroker::start().await;
    let bus = bus(&broker).await;
    broker.deliver_last();
    broker.block();
    is(&bus, low()).await;
    let mut deliveries = bounded(bus.subscribe("test", NonZeroUsize::MIN)).await.expect("subscribe");
    let delivery = bounded(deliveries.next()).await.expect("the bus is open").expect("delivery");
    assert_eq!(delivery.envelope, events([1])[0]);
    // It can be given back only by publishing, so that has to wait.
    let retried = bounded(bus.retry(&delivery.receipt, Duration::from_secs(5))).await;
    assert!(matches!(retried, Err(BusError::Unavailable(_))), "{retried:?}");
    bounded(bus.ack(&[delivery.receipt])).await.expect("ack");
    assert_eq!(broker.acked(), [1]);
    drop(deliveries);
    broker.unblock();
    bounded(bus.close()).await;
}
