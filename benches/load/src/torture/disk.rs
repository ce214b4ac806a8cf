//! What lies on the disk of a stack that has stopped.
//!
//! Profiles are read here and not through the API: the service makes a profile that is missing when it is asked for
//! one, and so would repair what an event that was lost has left. And only here is seen whether an event is still on
//! its way: the API tells of parked events, not of those that wait.

use std::path::Path;

use mesh_events::{
    Bus as _,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rig::history::Found;
use service_kit::{
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use user::{
    domain::UserId,
    store::{ProfileStore as _, embedded::EmbeddedStore},
};

use super::convert;

/// The stack's store, in its data folder.
const STORE: &str = "stack.redb";

/// What was seen.
pub(super) struct Disk {
    /// Everybody's profile.
    pub(super) profiles: Vec<Found>,
    /// Events that somebody has yet to publish or to take.
    pub(super) under_way: Vec<String>,
}

/// Looks for the profiles of these people, and for events, in the data folder of a stack that does not run.
///
/// # Errors
/// When the store cannot be opened or read.
pub(super) async fn look(data: &Path, people: &[String]) -> anyhow::Result<Disk> {
    let path = data.join(STORE);
    let opening = tokio::task::spawn_blocking(move || Engine::open(&path, EngineConfig::default()));
    let engine = opening.await??;
    let profiles = profiles(&engine, people).await;
    let under_way = under_way(&engine).await;
    engine.close().await?;
    Ok(Disk { profiles: profiles?, under_way: under_way? })
}

async fn profiles(engine: &Engine, people: &[String]) -> anyhow::Result<Vec<Found>> {
    let store = EmbeddedStore::open(engine.clone(), Clock::system()).await?;
    let mut found = Vec::with_capacity(people.len());
    for user_id in people {
        // Whoever was asked for under no id at all has no profile either.
        let profile = match UserId::parse("user_id", user_id) {
            Ok(id) => store.profile(id).await?,
            Err(_) => None,
        };
        found.push(match profile {
            Some(profile) => Found::Profile(convert::kept(user_id, profile)),
            None => Found::NoProfile { user_id: user_id.clone() },
        });
    }
    Ok(found)
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
