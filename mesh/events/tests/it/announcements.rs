//! Every instance hears of everything, and of its gaps.

use mesh_events::{Announcement, Announcements, Broadcast, Bus, Subscription, rabbitmq::RabbitBus};
use mesh_rig::testing::vhost;

use crate::harness::{
    CREATED, bounded, config, cut_connections, events, publish_until_accepted, queue_names, until,
};

async fn next(announcements: &mut Box<dyn Announcements>) -> Announcement {
    bounded(announcements.next()).await.expect("the bus is open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_listener_hears_of_every_event_from_the_moment_it_is_told_so() {
    let vhost = vhost().await;
    let bus = RabbitBus::open(config(&vhost));
    let mut listeners = Vec::new();
    for name in ["cache.1", "cache.2"] {
        let mut announcements = bounded(bus.listen(name, &[CREATED])).await.expect("listen");
        assert_eq!(next(&mut announcements).await, Announcement::Resumed);
        listeners.push(announcements);
    }
    publish_until_accepted(&bus, &events(0..600)).await;
    for announcements in &mut listeners {
        for event in events(0..600) {
            assert_eq!(next(announcements).await, Announcement::Event(event));
        }
    }
    drop(listeners);
    until("the listeners' queues stay", || async { queue_names(&vhost).await.is_empty() }).await;
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_told_and_what_is_published_afterwards_is_heard() {
    let vhost = vhost().await;
    let bus = RabbitBus::open(config(&vhost));
    bounded(bus.declare(&[Subscription::new("test", [CREATED])])).await.expect("declare");
    let mut announcements = bounded(bus.listen("cache.1", &[CREATED])).await.expect("listen");
    assert_eq!(next(&mut announcements).await, Announcement::Resumed);
    for n in 0..3 {
        until("there is nothing to cut", || async { cut_connections(&vhost).await > 0 }).await;
        while next(&mut announcements).await != Announcement::Interrupted {}
        while next(&mut announcements).await != Announcement::Resumed {}
        let event = events([n]);
        publish_until_accepted(&bus, &event).await;
        // A second cut may have met a connection that was already new; then it is told again.
        let mut heard = next(&mut announcements).await;
        while !matches!(heard, Announcement::Event(_)) {
            publish_until_accepted(&bus, &event).await;
            heard = next(&mut announcements).await;
        }
        assert_eq!(heard, Announcement::Event(event[0].clone()));
    }
    bounded(bus.close()).await;
    while bounded(announcements.next()).await.is_some() {}
}
