//! An event belongs to the trace of the call that it tells of.

use std::{sync::Arc, time::Duration};

use mesh_events::{
    Outbox as _, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_telemetry::TraceContext;
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    embedded::{Engine, EngineConfig},
    requests::Request,
};
use user::{
    app::{NewUser, Profiles, Users},
    cache::ProfileCache,
    domain::{DisplayName, Email, Locale},
    store::{Store, embedded::EmbeddedStore},
};

#[tokio::test]
async fn the_event_of_a_call_goes_on_in_its_trace() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("store.redb"), EngineConfig::default()).unwrap();
    let clock = Clock::system();
    let store: Arc<dyn Store> = Arc::new(EmbeddedStore::open(engine.clone(), clock.clone()).await.unwrap());
    let cache = ProfileCache::new(Arc::clone(&store), clock.clone(), CacheConfig::default());
    let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
    let outbox = Arc::new(EmbeddedOutbox::new(engine));
    // The relay does not run, so the events stay where they can be looked at.
    let (publisher, _relay) = Relay::new(Arc::clone(&outbox) as _, Arc::new(bus), RelayConfig::default());
    let profiles = Arc::new(Profiles::new(Arc::clone(&store), cache, publisher.clone(), clock.clone()));
    let users = Users::new(store, profiles, publisher, clock);

    let requests = [None, Request::new("CreateUser", "r", &[b"x"]).unwrap()];
    for (n, request) in requests.into_iter().enumerate() {
        let new = NewUser {
            email: Email::parse("email", &format!("user{n}@example.org")).unwrap(),
            display_name: DisplayName::parse("n", "Ada").unwrap(),
            locale: Locale::default(),
        };
        let trace = TraceContext::root();
        let user = mesh_rpc::trace::scope(trace, users.create(new, request)).await.unwrap();
        let told = outbox.pending(Duration::ZERO, None, 10).await.unwrap();
        let event = told.iter().find(|event| event.subject == user.id.0).unwrap();
        let traceparent: TraceContext = event.traceparent.as_deref().unwrap().parse().unwrap();
        assert_eq!(traceparent.trace_id, trace.trace_id, "request {n}");
    }
}
