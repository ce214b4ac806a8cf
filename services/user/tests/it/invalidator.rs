//! What a replica makes of hearing nothing, on a bus that says what the test wants.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use mesh_events::{Announcement, Announcements, Broadcast, BusError, EventKind};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use user::{
    cache::{Invalidator, ProfileCache},
    domain::Profile,
    store::{Store, embedded::EmbeddedStore},
};

use crate::conformance::{create, person, replace_profile};

/// Out of reach the first time, and then what the test says.
struct Scripted(Mutex<Vec<Result<Heard, BusError>>>);

struct Heard(mpsc::UnboundedReceiver<Announcement>);

#[async_trait]
impl Broadcast for Scripted {
    async fn listen(&self, _: &str, _: &[EventKind]) -> Result<Box<dyn Announcements>, BusError> {
        let next = self.0.lock().unwrap().pop().expect("nobody listens again after a success");
        Ok(Box::new(next?))
    }
}

#[async_trait]
impl Announcements for Heard {
    async fn next(&mut self) -> Option<Announcement> {
        self.0.recv().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_unheard_is_read_again_once_the_replica_hears() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
    let clock = Clock::system();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(engine, clock.clone()).await.unwrap());
    let user = person(1, "a@b.de", clock.now());
    create(&*store, &user, None).await.unwrap();
    // Only the end of a gap may make it read again, however slow the test is.
    let config = CacheConfig { interrupted_grace: Duration::from_secs(3_600), ..CacheConfig::default() };
    let cache = ProfileCache::new(Arc::clone(&store), clock.clone(), config);
    let first = Profile::clone(&*cache.get(user.id).await.unwrap().unwrap());

    let (tell, heard) = mpsc::unbounded_channel();
    let unreachable = BusError::Unavailable("the broker is down".into());
    let bus = Arc::new(Scripted(Mutex::new(vec![Ok(Heard(heard)), Err(unreachable)])));
    let stop = CancellationToken::new();
    let task = tokio::spawn(Invalidator::new(cache.clone(), bus).run(stop.clone()));
    for version in 2..5 {
        // Another replica's write, of which nobody tells.
        replace_profile(&*store, &Profile { version, ..first.clone() }, None).await.unwrap();
        assert_eq!(cache.get(user.id).await.unwrap().unwrap().version, version - 1);
        tell.send(Announcement::Interrupted).unwrap();
        tell.send(Announcement::Resumed).unwrap();
        let seen = async {
            while cache.get(user.id).await.unwrap().unwrap().version < version {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), seen).await.expect("the old profile is still shown");
    }
    assert_eq!(cache.stats().revalidated, 3);
    stop.cancel();
    task.await.unwrap();
}
