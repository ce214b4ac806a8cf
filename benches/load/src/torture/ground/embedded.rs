//! The file of a stack that has stopped.

use std::path::Path;

use mesh_events::{
    Bus as _,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use user::store::embedded::EmbeddedStore;

use super::Disk;

/// The stack's store, in its data folder.
const STORE: &str = "stack.redb";

/// Looks for the profiles of these people, and for events, in the data folder of a stack that does not run.
///
/// # Errors
/// When the store cannot be opened or read.
pub(super) async fn look(data: &Path, people: &[String]) -> anyhow::Result<Disk> {
    let path = data.join(STORE);
    let opening = tokio::task::spawn_blocking(move || Engine::open(&path, EngineConfig::default()));
    let engine = opening.await??;
    let seen = async {
        let store = EmbeddedStore::open(engine.clone(), Clock::system()).await?;
        let profiles = super::profiles(&store, people).await?;
        Ok(Disk { profiles, under_way: under_way(&engine).await? })
    };
    let seen = seen.await;
    engine.close().await?;
    seen
}

async fn under_way(engine: &Engine) -> anyhow::Result<Vec<String>> {
    let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await?;
    let mut under_way = Vec::new();
    for queue in bus.queues() {
        let depth = bus.depth(&queue).await?;
        if !depth.is_quiet() {
            let (ready, leased, waiting) = (depth.ready, depth.leased, depth.waiting);
            under_way.push(format!("events in {queue}: {ready} ready, {leased} out, {waiting} waiting"));
        }
    }
    bus.close().await?;
    let unpublished = EmbeddedOutbox::new(engine.clone()).depth().await?;
    if unpublished > 0 {
        under_way.push(format!("{unpublished} events that are not published"));
    }
    Ok(under_way)
}
