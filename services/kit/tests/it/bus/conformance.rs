//! The suites that every bus and every outbox passes.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use mesh_events::{
    Bus, Envelope, Outbox,
    conformance::{BusHarness, OutboxHarness, QUEUE_EVENTS_MAX, Stop},
    embedded::{Clock, EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox, append},
};
use service_kit::embedded::{Engine, EngineConfig};
use tempfile::TempDir;

/// An engine on a file of its own, under a clock that only the test moves.
pub(super) struct Embedded {
    pub(super) folder: TempDir,
    pub(super) engine: Engine,
    pub(super) bus: EmbeddedBus<Engine>,
    pub(super) now_ms: Arc<AtomicU64>,
}

impl Embedded {
    async fn open(folder: TempDir, now_ms: Arc<AtomicU64>) -> Self {
        let engine = Engine::open(&folder.path().join("test.redb"), EngineConfig::default()).unwrap();
        let clock = clock(&now_ms);
        let config =
            EmbeddedBusConfig { queue_events_max: QUEUE_EVENTS_MAX, clock, ..EmbeddedBusConfig::default() };
        let bus = EmbeddedBus::open(engine.clone(), config).await.unwrap();
        Self { folder, engine, bus, now_ms }
    }
}

fn clock(now_ms: &Arc<AtomicU64>) -> Clock {
    let now_ms = Arc::clone(now_ms);
    Clock::new(move || now_ms.load(Ordering::Relaxed))
}

#[async_trait]
impl BusHarness for Embedded {
    async fn start() -> Self {
        Self::open(tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(1_800_000_000_000))).await
    }

    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    async fn pass(&self, time: Duration) {
        let time_ms = u64::try_from(time.as_millis()).unwrap();
        self.now_ms.fetch_add(time_ms, Ordering::Relaxed);
    }

    async fn restart(self, stop: Stop) -> Self {
        if stop == Stop::Clean {
            self.bus.close().await.unwrap();
        }
        // A killed process leaves the same file: what was answered is in it, and the bus was not closed.
        self.engine.close().await.unwrap();
        Self::open(self.folder, self.now_ms).await
    }
}

#[async_trait]
impl OutboxHarness for Embedded {
    async fn start() -> Self {
        <Self as BusHarness>::start().await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(EmbeddedOutbox::new(self.engine.clone()).with_clock(clock(&self.now_ms)))
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    async fn append(&self, envelope: &Envelope) {
        let envelope = envelope.clone();
        let appended = self.engine.write(move |txn| append(txn, &envelope).map(Ok::<_, Infallible>));
        appended.await.unwrap();
    }
}

mesh_events::bus_conformance!(Embedded);
mesh_events::outbox_conformance!(Embedded);
