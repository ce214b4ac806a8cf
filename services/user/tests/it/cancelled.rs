//! Callers who go away in the middle: what they began is done whole.

use std::{sync::Arc, time::Duration};

use mesh_events::{
    Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    embedded::{Engine, EngineConfig},
};
use user::{
    app::Profiles,
    cache::ProfileCache,
    domain::{DisplayName, ProfileChange},
    store::{ProfileStore as _, Store, embedded::EmbeddedStore},
};

use crate::conformance::{create, person};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_leaves_no_old_profile_in_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
    let clock = Clock::system();
    let store = Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap());
    let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
    // Nobody relays: what is offered stays in the outbox.
    let (publisher, _relay) =
        Relay::new(Arc::new(EmbeddedOutbox::new(engine)), Arc::new(bus), RelayConfig::default());
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let cache = ProfileCache::new(Arc::clone(&shared), clock.clone(), CacheConfig::default());
    let profiles = Profiles::new(shared, cache, publisher, clock.clone());
    let user = person(1, "a@b.de", clock.now());
    create(&*store, &user, None).await.unwrap();

    // Some leave before the commit and some after it, however busy the machine is: patience grows until one did.
    let mut patience = 0_u32;
    while patience < 40 || store.profile(user.id).await.unwrap().unwrap().version == 1 {
        assert!(patience < 80, "nobody ever got as far as the commit");
        patience += 1;
        profiles.get(user.id).await.unwrap();
        let display_name = Some(DisplayName::parse("n", &format!("Name {patience}")).unwrap());
        let change = ProfileChange { display_name, ..ProfileChange::default() };
        // Leaves after some polls: before, during or after the commit.
        let leave = async {
            for _ in 0..patience * 8 {
                tokio::task::yield_now().await;
            }
            if patience > 40 {
                tokio::time::sleep(Duration::from_millis(10) * (patience - 40)).await;
            }
        };
        tokio::select! {
            biased;
            _ = profiles.update(user.id, change, None, None) => {}
            () = leave => {}
        }
        let agree = async {
            loop {
                let kept = store.profile(user.id).await.unwrap().unwrap();
                if kept == *profiles.get(user.id).await.unwrap() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), agree).await.expect("the cache serves an old profile");
    }
    profiles.close().await;
}
