//! A bus on a virtual host of its own, and what can be done to it.

#![allow(dead_code, reason = "each of the test binaries uses its part")]

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use lapin::{Connection, ConnectionProperties, options::QueueDeclareOptions, types::FieldTable};
use mesh_events::{
    Bus, Envelope, EventKind, Outcome,
    conformance::{BusHarness, QUEUE_EVENTS_MAX, Stop},
    rabbitmq::{RabbitBus, RabbitConfig},
};
use mesh_rig::{
    management::Binding,
    testing::{Vhost, vhost},
};
use serde::Deserialize;
use uuid::Uuid;

/// A bus, and the virtual host in which it lives.
pub(crate) struct RabbitHarness {
    pub(crate) vhost: Vhost,
    pub(crate) bus: RabbitBus,
}

/// A queue or a connection as the management API lists it.
#[derive(Deserialize)]
struct Listed {
    name: String,
}

#[async_trait]
impl BusHarness for RabbitHarness {
    async fn start() -> Self {
        let vhost = vhost().await;
        let bus = RabbitBus::open(config(&vhost));
        Self { vhost, bus }
    }

    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    async fn restart(self, stop: Stop) -> Self {
        match stop {
            Stop::Clean => self.bus.close().await,
            Stop::Kill => self.bus.abort().await,
        }
        // The broker notices on its own time that a consumer is gone, and then has back what was out.
        has_no_consumers(&self.vhost).await;
        Self { bus: RabbitBus::open(config(&self.vhost)), vhost: self.vhost }
    }
}

/// The configuration of most tests.
pub(crate) fn config(vhost: &Vhost) -> RabbitConfig {
    RabbitConfig {
        queue_events_max: QUEUE_EVENTS_MAX,
        ladder: [2, 4, 6].map(Duration::from_secs).to_vec(),
        backoff: (Duration::from_millis(20), Duration::from_millis(200)),
        ..RabbitConfig::new(vhost.uri().parse().expect("the rig gives an address"))
    }
}

/// A connection past the bus.
pub(crate) async fn raw(vhost: &Vhost) -> Connection {
    Connection::connect(&vhost.uri(), ConnectionProperties::default()).await.expect("connect")
}

/// The names of all queues.
pub(crate) async fn queue_names(vhost: &Vhost) -> Vec<String> {
    let path = format!("/api/queues/{}?disable_stats=true", vhost.name());
    let queues: Vec<Listed> = vhost.management().get(&path).await.expect("the queues");
    queues.into_iter().map(|queue| queue.name).collect()
}

/// Deletes bindings of the exchange that events are published to.
pub(crate) async fn delete_bindings(vhost: &Vhost, which: impl Fn(&Binding) -> bool) {
    let management = vhost.management();
    let bindings = management.bindings(vhost.name()).await.expect("bindings");
    let bindings: Vec<_> =
        bindings.iter().filter(|binding| binding.source == "events" && which(binding)).collect();
    assert!(!bindings.is_empty(), "there is no such binding");
    for binding in bindings {
        management.delete_binding(binding).await.expect("delete");
    }
}

/// Has the broker close every connection; says how many those were.
pub(crate) async fn cut_connections(vhost: &Vhost) -> usize {
    let management = vhost.management();
    let path = format!("/api/vhosts/{}/connections", vhost.name());
    let connections: Vec<Listed> = management.get(&path).await.expect("the connections");
    let mut cut = 0;
    for connection in connections {
        let name: String = connection.name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/api/connections/{name}");
        // It may have gone meanwhile.
        cut += usize::from(management.change("DELETE", &path, &serde_json::Value::Null).await.is_ok());
    }
    cut
}

/// Publishes until everything is accepted, as the relay does with what stays in its outbox.
pub(crate) async fn publish_until_accepted(bus: &RabbitBus, batch: &[Envelope]) {
    let accepted = async {
        loop {
            match bus.publish(batch).await {
                Ok(published) if published.iter().all(|it| it.outcome == Outcome::Accepted) => return,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    };
    bounded(accepted).await;
}

/// Waits until no queue has a consumer.
pub(crate) async fn has_no_consumers(vhost: &Vhost) {
    let queues = queue_names(vhost).await;
    let connection = raw(vhost).await;
    let channel = connection.create_channel().await.expect("channel");
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    for queue in queues {
        let consumers = || async {
            let name = queue.as_str().into();
            let counted = channel.queue_declare(name, passive, FieldTable::default()).await.expect("declare");
            counted.consumer_count()
        };
        let gone = async {
            while consumers().await > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(BOUND, gone).await.expect("a consumer is still there");
    }
    connection.close(200, "OK".into()).await.expect("close");
}

/// The kind of most events.
pub(crate) const CREATED: EventKind = EventKind::from_static("user.created");

/// The events with these numbers.
pub(crate) fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<Envelope> {
    let event = |n: u64| Envelope {
        id: Uuid::from_u128(u128::from(n) + 1),
        kind: CREATED,
        subject: Uuid::from_u128(u128::from(n) << 64 | 1),
        version: n,
        occur_time_ms: 1_700_000_000_000 + n,
        body: Bytes::from(format!(r#"{{"n":{n}}}"#)),
        traceparent: None,
    };
    numbers.into_iter().map(event).collect()
}

/// The numbers of everything that a queue has for a new subscription, acknowledged, until it is quiet.
pub(crate) async fn drain(bus: &RabbitBus, queue: &str) -> Vec<u64> {
    let prefetch = NonZeroUsize::new(64).expect("64 is above zero");
    let mut deliveries = bounded(bus.subscribe(queue, prefetch)).await.expect("subscribe");
    let mut numbers = Vec::new();
    while !bounded(bus.depth(queue)).await.expect("depth").is_quiet() {
        let delivery = bounded(deliveries.next()).await.expect("the bus is open").expect("delivery");
        numbers.push(delivery.envelope.version);
        bounded(bus.ack(&[delivery.receipt])).await.expect("ack");
    }
    numbers
}

/// What hangs fails. The bound is generous: it is no statement about speed.
pub(crate) async fn bounded<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, work).await.expect("the bus does not answer")
}

/// What hangs fails. The bound is generous: it is no statement about speed.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// Waits for a condition.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(BOUND, met).await.unwrap_or_else(|_| panic!("{what}"));
}
