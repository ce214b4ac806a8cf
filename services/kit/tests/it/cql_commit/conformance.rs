//! The suite that every outbox passes.

use std::sync::Arc;

use async_trait::async_trait;
use mesh_events::{Envelope, Outbox, conformance::OutboxHarness};
use service_kit::cql::commit::Commits;

use super::world::World;

struct Cluster {
    commits: Commits,
    world: World,
}

#[async_trait]
impl OutboxHarness for Cluster {
    async fn start() -> Self {
        let world = World::begin().await;
        Self { commits: world.instance("a").await, world }
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(self.commits.outbox())
    }

    fn now_ms(&self) -> u64 {
        self.world.clock.now().0
    }

    async fn append(&self, envelope: &Envelope) {
        self.world.changed(&self.commits, envelope).await;
    }
}

mesh_events::outbox_conformance!(Cluster);
