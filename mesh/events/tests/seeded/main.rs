//! The bus made wrong on purpose: a process of its own, because the switch is one for the whole process.

#[path = "../it/harness.rs"]
mod harness;

use mesh_events::{
    Bus, Outcome, Subscription,
    rabbitmq::{RabbitBus, RabbitConfig},
};
use mesh_rig::testing::vhost;

use harness::{CREATED, bounded, config, delete_bindings, drain, events};

/// The same as in the test of the right bus, which loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ignoring_what_comes_back_loses_it_when_a_binding_is_gone() {
    let vhost = vhost().await;
    let config = RabbitConfig { rebind_every: std::time::Duration::from_secs(3600), ..config(&vhost) };
    let bus = RabbitBus::open(config);
    bounded(bus.declare(&[Subscription::new("test", [CREATED])])).await.expect("declare");
    bounded(bus.publish(&events(0..5))).await.expect("publish");
    delete_bindings(&vhost, |_| true).await;
    fail::cfg("bug.ignore-returned", "return").expect("the points are compiled in");
    let published = bounded(bus.publish(&events(5..10))).await.expect("publish");
    assert!(published.iter().all(|published| published.outcome == Outcome::Accepted), "{published:?}");
    assert_eq!(drain(&bus, "test").await, (0..5).collect::<Vec<_>>());
    bounded(bus.close()).await;
}
