//! Whatever is taken away from under the bus, no event is lost.

use std::{
    collections::BTreeSet,
    num::NonZeroUsize,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mesh_events::{
    Bus, Consumer, ConsumerConfig, Envelope, HandleError, Handler, Outcome, Subscription,
    rabbitmq::{RabbitBus, RabbitConfig},
};
use mesh_rig::testing::{Vhost, vhost};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{
    CREATED, bounded, config, cut_connections, delete_bindings, drain, events, publish_until_accepted, until,
};

/// A bus that does not bind anew by itself, so that what heals it is what is tested.
async fn bus(vhost: &Vhost, queues: &[Subscription]) -> RabbitBus {
    let config = RabbitConfig { rebind_every: Duration::from_secs(3600), ..config(vhost) };
    let bus = RabbitBus::open(config);
    bounded(bus.declare(queues)).await.expect("declare");
    bus
}

async fn publish(bus: &RabbitBus, numbers: std::ops::Range<u64>) {
    let published = bounded(bus.publish(&events(numbers))).await.expect("publish");
    assert!(published.iter().all(|published| published.outcome == Outcome::Accepted), "{published:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_because_all_bindings_are_gone_is_bound_and_published_again() {
    let vhost = vhost().await;
    let bus = bus(&vhost, &[Subscription::new("test", [CREATED])]).await;
    publish(&bus, 0..5).await;
    delete_bindings(&vhost, |_| true).await;
    publish(&bus, 5..10).await;
    assert_eq!(drain(&bus, "test").await, (0..10).collect::<Vec<_>>());
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_with_one_binding_left_misses_nothing_and_gets_one_copy_otherwise() {
    let vhost = vhost().await;
    let queues = ["a", "b"].map(|name| Subscription::new(name, [CREATED]));
    let bus = bus(&vhost, &queues).await;
    publish(&bus, 0..3).await;
    delete_bindings(&vhost, |binding| binding.destination == "q.b" && binding.arguments.is_empty()).await;
    publish(&bus, 3..6).await;
    delete_bindings(&vhost, |binding| binding.destination == "q.a" && !binding.arguments.is_empty()).await;
    publish(&bus, 6..9).await;
    for queue in ["a", "b"] {
        assert_eq!(drain(&bus, queue).await, (0..9).collect::<Vec<_>>(), "{queue}");
    }
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_batch_goes_in_two_lanes_and_each_subject_keeps_its_order() {
    let vhost = vhost().await;
    let config = RabbitConfig { queue_events_max: 1_000_000, ..config(&vhost) };
    let bus = RabbitBus::open(config);
    bounded(bus.declare(&[Subscription::new("test", [CREATED])])).await.expect("declare");
    // Even and odd numbers are about two subjects, whose keys lead to different lanes.
    let mut batch = events(0..700);
    batch.iter_mut().for_each(|event| event.subject = Uuid::from_u128(u128::from(event.version % 2)));
    let published = bounded(bus.publish(&batch)).await.expect("publish");
    assert_eq!(published.len(), batch.len());
    assert!(published.iter().all(|published| published.outcome == Outcome::Accepted), "{published:?}");
    let (even, odd): (Vec<_>, Vec<_>) = drain(&bus, "test").await.into_iter().partition(|n| n % 2 == 0);
    assert_eq!(even, (0..700).step_by(2).collect::<Vec<_>>());
    assert_eq!(odd, (1..700).step_by(2).collect::<Vec<_>>());
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bindings_that_are_gone_are_made_again_by_themselves() {
    let vhost = vhost().await;
    let bus = RabbitBus::open(config(&vhost));
    bounded(bus.declare(&[Subscription::new("test", [CREATED])])).await.expect("declare");
    delete_bindings(&vhost, |_| true).await;
    until("the bindings stay away", || async {
        vhost.management().bindings(vhost.name()).await.expect("bindings").len() == 2
    })
    .await;
    bounded(bus.close()).await;
}

/// Remembers what was handled.
#[derive(Default)]
struct Remembering(Mutex<BTreeSet<u64>>);

#[async_trait]
impl Handler for Remembering {
    async fn handle(&self, event: &Envelope) -> Result<(), HandleError> {
        self.0.lock().expect("lock").insert(event.version);
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    const BATCH: u64 = 40;
    const CUTS: usize = 3;
    let vhost = vhost().await;
    let config = RabbitConfig { queue_events_max: 1_000_000, ..config(&vhost) };
    let bus = RabbitBus::open(config);
    let subscription = Subscription::new("test", [CREATED]);
    bounded(bus.declare(std::slice::from_ref(&subscription))).await.expect("declare");
    let handled = Arc::new(Remembering::default());
    let prefetch = NonZeroUsize::new(16).expect("16 is above zero");
    let consumer_config = ConsumerConfig { prefetch, ..ConsumerConfig::default() };
    let consumer = Consumer::new(Arc::new(bus.clone()), subscription, handled.clone(), consumer_config);
    let shutdown = CancellationToken::new();
    let consuming = tokio::spawn(consumer.run(shutdown.clone()));

    // Publishes as long as there are cuts to come.
    let cuts = Arc::new(AtomicUsize::new(0));
    let publishing = tokio::spawn({
        let (bus, cuts) = (bus.clone(), Arc::clone(&cuts));
        async move {
            let mut published = 0;
            while cuts.load(Ordering::Relaxed) < CUTS {
                publish_until_accepted(&bus, &events(published..published + BATCH)).await;
                published += BATCH;
            }
            published
        }
    });
    while cuts.load(Ordering::Relaxed) < CUTS {
        let before = handled.0.lock().expect("lock").len();
        cuts.fetch_add(usize::from(cut_connections(&vhost).await > 0), Ordering::Relaxed);
        // Something gets through between two cuts.
        until("nothing is handled any more", || async { handled.0.lock().expect("lock").len() > before })
            .await;
    }
    let published = bounded(publishing).await.expect("the publisher lives");
    until("an event is lost", || async { handled.0.lock().expect("lock").len() as u64 == published }).await;
    until("the queue does not become quiet", || async {
        bus.depth("test").await.is_ok_and(|depth| depth.is_quiet() && depth.parked == 0)
    })
    .await;
    shutdown.cancel();
    bounded(consuming).await.expect("the consumer lives");
    bounded(bus.close()).await;
}
