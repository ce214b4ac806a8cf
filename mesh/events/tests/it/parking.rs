//! What is parked, where the broker makes it hard.

use std::num::NonZeroUsize;

use lapin::{BasicProperties, options::BasicPublishOptions};
use mesh_events::{Bus, Subscription, rabbitmq::RabbitBus};
use mesh_rig::testing::{Vhost, vhost};

use crate::harness::{CREATED, bounded, config, events, raw, until};

const PREFETCH: NonZeroUsize = NonZeroUsize::new(4).expect("4 is above zero");

async fn bus(vhost: &Vhost) -> RabbitBus {
    let bus = RabbitBus::open(config(vhost));
    bounded(bus.declare(&[Subscription::new("test", [CREATED])])).await.expect("declare");
    bus
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_is_parked_at_once_and_can_be_discarded() {
    let vhost = vhost().await;
    let bus = bus(&vhost).await;
    let connection = raw(&vhost).await;
    let channel = connection.create_channel().await.expect("channel");
    for body in [b"\xff\xfe".as_slice(), b""] {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let published = channel.basic_publish("".into(), "q.test".into(), options, body, properties).await;
        published.expect("publish").await.expect("publish");
    }
    until("the queue does not get them", || async { bus.depth("test").await.is_ok_and(|d| d.ready == 2) })
        .await;
    bounded(bus.publish(&events([1]))).await.expect("publish");
    let mut deliveries = bounded(bus.subscribe("test", PREFETCH)).await.expect("subscribe");
    let delivery = bounded(deliveries.next()).await.expect("the bus is open").expect("delivery");
    assert_eq!(delivery.envelope, events([1])[0]);
    bounded(bus.ack(&[delivery.receipt])).await.expect("ack");

    let listed = bounded(bus.parked("test", None, 10)).await.expect("parked").events;
    assert_eq!(listed.len(), 2);
    for parked in listed {
        assert_eq!(parked.envelope.kind.as_str(), "unreadable");
        assert!(parked.reason.starts_with("the message is no event: "), "{}", parked.reason);
        let id = parked.envelope.id;
        assert!(bounded(bus.discard("test", id)).await.expect("discard"), "{parked:?}");
    }
    assert_eq!(bounded(bus.depth("test")).await.expect("depth").parked, 0);
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_parked_twice_is_listed_once_and_discarded_whole() {
    let vhost = vhost().await;
    let bus = bus(&vhost).await;
    bounded(bus.publish(&events([7, 7]))).await.expect("publish");
    let mut deliveries = bounded(bus.subscribe("test", PREFETCH)).await.expect("subscribe");
    for reason in ["first", "second"] {
        let delivery = bounded(deliveries.next()).await.expect("the bus is open").expect("delivery");
        bounded(bus.park(&delivery.receipt, reason)).await.expect("park");
    }
    let listed = bounded(bus.parked("test", None, 10)).await.expect("parked").events;
    assert_eq!(listed.iter().map(|parked| parked.reason.as_str()).collect::<Vec<_>>(), ["second"]);
    let id = events([7])[0].id;
    assert!(bounded(bus.discard("test", id)).await.expect("discard"));
    assert!(!bounded(bus.discard("test", id)).await.expect("discard"));
    bounded(bus.close()).await;
}
