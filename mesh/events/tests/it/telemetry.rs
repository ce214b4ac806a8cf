//! What is told of events: spans that link to the call an event comes from, and counts.

use std::{
    collections::BTreeMap,
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mesh_events::{
    Bus, Consumer, ConsumerConfig, Envelope, EventKind, HandleError, Handler, Subscription,
    rabbitmq::{RabbitBus, RabbitConfig, RabbitStats},
};
use mesh_rig::testing::{Vhost, vhost};
use mesh_telemetry::semconv::messaging;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt as _},
    registry,
};

use crate::harness::{CREATED, bounded, config, delete_bindings, events};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Remembers every span, by its name.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(&'static str, Fields)>>>);

#[derive(Clone, Debug, Default)]
struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl<S: Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, _id: &Id, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        self.0.lock().expect("lock").push((attributes.metadata().name(), fields));
    }
}

impl Spans {
    /// The fields of the only span of this name.
    fn only(&self, name: &str) -> Fields {
        let spans = self.0.lock().expect("lock");
        let mut named = spans.iter().filter(|(other, _)| *other == name);
        let (_, fields) = named.next().unwrap_or_else(|| panic!("there is no span {name}"));
        assert!(named.next().is_none(), "there are several spans {name}");
        fields.clone()
    }
}

/// Says that something was handled.
#[derive(Default)]
struct Heard(Notify);

#[async_trait]
impl Handler for Heard {
    async fn handle(&self, _event: &Envelope) -> Result<(), HandleError> {
        self.0.notify_one();
        Ok(())
    }
}

/// A bus that does not bind anew by itself.
async fn bus(vhost: &Vhost) -> RabbitBus {
    let bus = RabbitBus::open(RabbitConfig { rebind_every: Duration::from_secs(3600), ..config(vhost) });
    bounded(bus.declare(&[Subscription::new("test", [CREATED])])).await.expect("declare");
    bus
}

// On one thread, since a thread has its own subscriber.
#[tokio::test]
async fn who_publishes_and_who_handles_link_to_the_call_that_the_event_comes_from() {
    let vhost = vhost().await;
    let bus = bus(&vhost).await;
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(registry().with(spans.clone()));
    let [event] = events([7]).try_into().expect("one event");
    let event = Envelope { traceparent: Some(TRACEPARENT.to_owned()), ..event };
    bounded(bus.publish(std::slice::from_ref(&event))).await.expect("publish");

    let (heard, shutdown) = (Arc::new(Heard::default()), CancellationToken::new());
    let subscription = Subscription::new("test", [CREATED]);
    let consumer =
        Consumer::new(Arc::new(bus.clone()), subscription, heard.clone(), ConsumerConfig::default());
    let consuming = tokio::spawn(consumer.run(shutdown.clone()));
    bounded(heard.0.notified()).await;
    shutdown.cancel();
    bounded(consuming).await.expect("the consumer");

    let id = event.id.to_string();
    for (span, fields) in [
        (
            "publish",
            &[
                (messaging::SYSTEM, "rabbitmq"),
                (messaging::OPERATION_TYPE, "send"),
                (messaging::DESTINATION_NAME, "events"),
                (messaging::BATCH_MESSAGE_COUNT, "1"),
            ][..],
        ),
        ("process", &[(messaging::OPERATION_TYPE, "process"), (messaging::DESTINATION_NAME, "test")]),
    ] {
        let Fields(told) = spans.only(span);
        for (name, value) in
            [(messaging::MESSAGE_ID, id.as_str()), ("link.traceparent", TRACEPARENT)].iter().chain(fields)
        {
            assert_eq!(told.get(name).map(String::as_str), Some(*value), "{span}: {told:?}");
        }
    }
    bounded(bus.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_to_events_is_counted() {
    let vhost = vhost().await;
    let bus = bus(&vhost).await;
    let mut batch = events(0..4);
    batch[3].kind = EventKind::from_static("user.unheard");
    bounded(bus.publish(&batch)).await.expect("publish");
    let after_publish = RabbitStats { published: 3, unrouted: 1, returned: 1, ..RabbitStats::default() };
    assert_eq!(bus.stats(), after_publish);

    let prefetch = NonZeroUsize::new(3).expect("3 is above zero");
    let mut deliveries = bounded(bus.subscribe("test", prefetch)).await.expect("subscribe");
    let mut receipts = Vec::new();
    while receipts.len() < 3 {
        let delivery = bounded(deliveries.next()).await.expect("the bus is open").expect("delivery");
        receipts.push(delivery.receipt);
    }
    bounded(bus.ack(&receipts[..1])).await.expect("ack");
    bounded(bus.retry(&receipts[1], Duration::from_secs(60))).await.expect("retry");
    bounded(bus.park(&receipts[2], "a test")).await.expect("park");
    let settled = RabbitStats { acked: 1, retried: 1, parked: 1, ..after_publish };
    assert_eq!(bus.stats(), settled);

    // Comes back, and is accepted once the bindings are there again.
    delete_bindings(&vhost, |_| true).await;
    bounded(bus.publish(&events([9]))).await.expect("publish");
    assert_eq!(bus.stats(), RabbitStats { published: 4, returned: 2, ..settled });
    bounded(bus.close()).await;
    bounded(bus.publish(&events([10]))).await.expect_err("a closed bus publishes nothing");
    assert_eq!(bus.stats().failed, 1);
}
