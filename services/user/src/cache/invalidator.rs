//! Hears what other replicas write, and takes it out of this one's cache.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use mesh_events::{Announcement, Announcements, Broadcast, Envelope, EventKind};
use rand::RngExt as _;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ProfileCache;
use crate::{
    domain::UserId,
    events::{CREATED, DELETED, PROFILE_UPDATED, UPDATED},
};

/// What changes a profile, or whether there is one.
const KINDS: [EventKind; 4] = [
    EventKind::from_static(CREATED),
    EventKind::from_static(UPDATED),
    EventKind::from_static(DELETED),
    EventKind::from_static(PROFILE_UPDATED),
];

/// Announcements that wait for a load of their profile at once. One load that hangs must not keep others' news out.
const WAITING_MAX: usize = 256;

/// How long to wait before listening is tried again: at least, and at most.
const AGAIN_AFTER: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Keeps a [`ProfileCache`] coherent with what other replicas write. One of them serves one cache.
///
/// Without it the cache is right only as long as nobody else writes, and old by up to a lifetime otherwise.
pub struct Invalidator {
    cache: ProfileCache,
    bus: Arc<dyn Broadcast>,
    listener: String,
}

/// Why the listening ended.
enum Ended {
    Stopped,
    Closed,
}

impl Invalidator {
    /// Keeps `cache` coherent by what is told on `bus`.
    #[must_use]
    pub fn new(cache: ProfileCache, bus: Arc<dyn Broadcast>) -> Self {
        // Of its own, so that two replicas, or two lives of one, never share what is meant for each.
        let listener = format!("cache.user.{}", Uuid::now_v7());
        Self { cache, bus, listener }
    }

    /// Listens until `stop`, or until the bus is closed. Whenever nothing is heard, before and after included, the cache
    /// knows.
    pub async fn run(self, stop: CancellationToken) {
        self.cache.interrupted();
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            heard = self.listen() => match self.follow(heard, &stop).await {
                Ended::Stopped => {}
                Ended::Closed => tracing::info!("nothing is heard of other replicas' writes any more"),
            },
        }
        self.cache.interrupted();
    }

    /// Begins to listen, however often it takes.
    async fn listen(&self) -> Box<dyn Announcements> {
        let mut at_most = AGAIN_AFTER.0;
        loop {
            match self.bus.listen(&self.listener, &KINDS).await {
                Ok(heard) => return heard,
                Err(error) => {
                    tracing::warn!(error = %mesh_telemetry::chain(&error), "other replicas' writes go unheard");
                    // Spread, because every replica lost the same broker at the same moment.
                    let after = rand::rng().random_range(AGAIN_AFTER.0 / 2..=at_most);
                    tokio::time::sleep(after).await;
                    at_most = (at_most * 2).min(AGAIN_AFTER.1);
                }
            }
        }
    }

    async fn follow(&self, mut heard: Box<dyn Announcements>, stop: &CancellationToken) -> Ended {
        // In any order: versions only rise, so what is applied late takes nothing back.
        let mut waiting = FuturesUnordered::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                Some(()) = waiting.next() => {}
                announcement = heard.next(), if waiting.len() < WAITING_MAX => match announcement {
                    Some(Announcement::Event(event)) => waiting.push(apply(&self.cache, event)),
                    Some(Announcement::Resumed) => self.cache.resumed(),
                    Some(Announcement::Interrupted) => self.cache.interrupted(),
                    None => return Ended::Closed,
                },
            }
        }
    }
}

/// Takes out of the cache what `event` says is old. Its version is the one of whatever it tells of: a user's version
/// says nothing about how often the profile was changed.
async fn apply(cache: &ProfileCache, event: Envelope) {
    let user = UserId(event.subject);
    match event.kind.as_str() {
        CREATED => cache.began(user).await,
        UPDATED => cache.exists(user).await,
        DELETED => cache.vanished(user).await,
        PROFILE_UPDATED => cache.outdated(user, event.version).await,
        other => tracing::debug!("heard of {other}, which is nothing to this cache"),
    }
}

impl std::fmt::Debug for Invalidator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invalidator").field("listener", &self.listener).finish_non_exhaustive()
    }
}
