//! What listeners of the embedded bus hear.

use std::num::NonZeroUsize;

use mesh_events::{
    Announcement, Broadcast as _, Bus as _, Envelope, EventKind, Outcome,
    embedded::{EmbeddedBus, EmbeddedBusConfig},
};
use service_kit::embedded::{Engine, EngineConfig};
use tempfile::TempDir;
use uuid::Uuid;

const TOLD: EventKind = EventKind::from_static("profile.updated");
const OTHER: EventKind = EventKind::from_static("user.created");

async fn open(announcements_max: usize) -> (TempDir, EmbeddedBus<Engine>) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("test.redb"), EngineConfig::default()).unwrap();
    let announcements_max = NonZeroUsize::new(announcements_max).unwrap();
    let config = EmbeddedBusConfig { announcements_max, ..EmbeddedBusConfig::default() };
    let bus = EmbeddedBus::open(engine, config).await.unwrap();
    (folder, bus)
}

fn event(kind: EventKind, version: u64) -> Envelope {
    Envelope {
        id: Uuid::from_u128(version.into()),
        kind,
        subject: Uuid::nil(),
        version,
        occur_time_ms: version,
        body: "{}".into(),
        traceparent: None,
    }
}

#[tokio::test]
async fn every_listener_hears_what_it_asked_for_whether_or_not_a_queue_did() {
    let (_folder, bus) = open(16).await;
    let mut listeners = [bus.listen("a", &[TOLD]).await.unwrap(), bus.listen("b", &[TOLD]).await.unwrap()];
    let published = bus.publish(&[event(OTHER, 1), event(TOLD, 2)]).await.unwrap();
    assert!(published.iter().all(|published| published.outcome == Outcome::Unrouted));
    for listener in &mut listeners {
        assert_eq!(listener.next().await, Some(Announcement::Resumed));
        assert_eq!(listener.next().await, Some(Announcement::Event(event(TOLD, 2))));
    }
    bus.close().await.unwrap();
    for listener in &mut listeners {
        assert_eq!(listener.next().await, None);
    }
}

#[tokio::test]
async fn a_listener_that_is_too_slow_is_told_of_the_gap_before_what_comes_behind_it() {
    let (_folder, bus) = open(4).await;
    let mut heard = bus.listen("slow", &[TOLD]).await.unwrap();
    assert_eq!(heard.next().await, Some(Announcement::Resumed));
    let events: Vec<_> = (0..10).map(|version| event(TOLD, version)).collect();
    bus.publish(&events).await.unwrap();
    assert_eq!(heard.next().await, Some(Announcement::Interrupted));
    assert_eq!(heard.next().await, Some(Announcement::Resumed));
    for event in &events[6..] {
        assert_eq!(heard.next().await, Some(Announcement::Event(event.clone())));
    }
}
