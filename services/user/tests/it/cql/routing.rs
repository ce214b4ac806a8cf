//! Which copies a read asks: shown by taking copies away, and by what the driver tells of the nodes it asked.

mod three_nodes;

use std::{collections::BTreeSet, error::Error, net::SocketAddr, sync::Arc};

use mesh_events::{
    Publisher, Relay, RelayConfig,
    embedded::{EmbeddedBus, EmbeddedBusConfig, EmbeddedOutbox},
};
use mesh_rig::testing::{Keyspace, fresh_keyspace, keyspace};
use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    cluster::Node,
    observability::history::HistoryCollector,
};
use service_kit::{
    cache::CacheConfig,
    clock::Clock,
    cql::{Cql, CqlConfig},
    embedded::{Engine, EngineConfig},
};
use user::{
    app::{ConsistencyToken, Profiles, Reading, Users},
    cache::ProfileCache,
    domain::{Email, User, UserId},
    store::{
        Consistency::{self, Eventual, Linearizable, Strong},
        ProfileStore as _, SessionStore as _, Store, StoreError, UserStore as _,
        cql::CqlStore,
    },
};

use super::{START, commits, open};
use crate::conformance::{create, person};

/// A store with one user, in a keyspace that from now on wants so many copies that a majority of them cannot be asked.
async fn without_a_majority() -> (Keyspace, Arc<CqlStore>, User) {
    let keyspace = fresh_keyspace().await;
    let (clock, _hand) = Clock::manual(START);
    let store = Arc::new(open(&keyspace, clock, "one").await);
    let ada = person(1, "ada@b.de", START);
    create(&*store, &ada, None).await.unwrap();
    store.ensure_profile(ada.id, START).await.unwrap().unwrap();
    let session = session(&keyspace).await;
    let datacenter = session.get_cluster_state().get_nodes_info()[0].datacenter.clone().unwrap();
    let more = format!(
        "ALTER KEYSPACE {} WITH replication = {{'class': 'NetworkTopologyStrategy', '{datacenter}': 9}}",
        keyspace.name()
    );
    session.query_unpaged(more, ()).await.unwrap();
    (keyspace, store, ada)
}

async fn session(keyspace: &Keyspace) -> Session {
    SessionBuilder::new().known_nodes(keyspace.contact_points()).build().await.unwrap()
}

/// The consistency that a refusal complains of.
fn missed<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> Option<&'static str> {
    let error = outcome.unwrap_err();
    let mut next: Option<&dyn Error> = Some(&error);
    let mut told = String::new();
    while let Some(error) = next {
        told.push_str(&error.to_string());
        next = error.source();
    }
    ["LocalQuorum", "LocalOne"].into_iter().find(|name| told.contains(name))
}

const QUORUM: Option<&str> = Some("LocalQuorum");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_asks_as_many_copies_as_it_promises() {
    let (_keyspace, store, ada) = without_a_majority().await;
    assert_eq!(store.users_at(&[ada.id], Eventual).await.unwrap(), [Some(ada.clone())]);
    assert_eq!(missed(store.users_at(&[ada.id], Strong).await), QUORUM);
    // A round of Paxos counts the nodes that there are, not the copies that there should be: no quorum read.
    assert_eq!(store.users_at(&[ada.id], Linearizable).await.unwrap(), [Some(ada.clone())]);

    assert_eq!(store.user_by_email_at("ada@b.de", Eventual).await.unwrap(), Some(ada.clone()));
    assert_eq!(missed(store.user_by_email_at("ada@b.de", Strong).await), QUORUM);
    assert_eq!(store.list_users_at(None, 10, Eventual).await.unwrap(), std::slice::from_ref(&ada));
    assert_eq!(missed(store.list_users_at(None, 10, Strong).await), QUORUM);
    assert_eq!(store.profile_at(ada.id, Eventual).await.unwrap().unwrap().version, 1);
    assert_eq!(missed(store.profile_at(ada.id, Strong).await), QUORUM);
    assert_eq!(missed(store.session(user::domain::TokenHash([1; 32])).await), QUORUM);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn that_something_is_not_there_is_not_believed_of_one_copy() {
    let (_keyspace, store, _ada) = without_a_majority().await;
    let nobody = UserId::derived(b"nobody");
    assert_eq!(missed(store.users_at(&[nobody], Eventual).await), QUORUM);
    assert_eq!(missed(store.user_by_email_at("nobody@b.de", Eventual).await), QUORUM);
    assert_eq!(missed(store.profile_at(nobody, Eventual).await), QUORUM);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_sends_a_read_to_more_copies_only_when_the_nearest_is_too_old() {
    let (_keyspace, store, ada) = without_a_majority().await;
    let store: Arc<dyn Store> = store;
    let (clock, _hand) = Clock::manual(START);
    let cache = ProfileCache::new(Arc::clone(&store), clock.clone(), CacheConfig::default());
    let publisher = publisher().await;
    let profiles = Arc::new(Profiles::new(Arc::clone(&store), cache, publisher.clone(), clock.clone()));
    let users = Users::new(store, Arc::clone(&profiles), publisher, clock);

    let reading = |asked, versions: &[u64]| Reading {
        asked,
        tokens: versions.iter().map(|&version| ConsistencyToken { user: ada.id, version }).collect(),
    };
    let get = async |asked: Option<Consistency>, versions: &[u64]| {
        users.get(ada.id, &reading(asked, versions)).await.is_ok()
    };
    assert!(!get(None, &[]).await, "without a token it may be one's own write that is read");
    assert!(get(Some(Eventual), &[]).await);
    assert!(get(None, &[1]).await, "the nearest copy has what the token speaks of");
    assert!(!get(None, &[1, 2]).await && !get(Some(Eventual), &[2]).await);
    assert!(!get(Some(Strong), &[1]).await);

    let email = Email::parse("email", "ada@b.de").unwrap();
    assert!(users.get_by_email(&email, &reading(None, &[1])).await.is_ok());
    assert!(users.get_by_email(&email, &reading(None, &[2])).await.is_err());
    let other = ConsistencyToken { user: UserId::derived(b"other"), version: 1 };
    let others = Reading { asked: Some(Eventual), tokens: vec![other] };
    assert!(users.get_by_email(&email, &others).await.is_err(), "the address may be theirs by now");
    assert!(users.get(ada.id, &others).await.is_ok());

    assert!(users.batch(&[ada.id], &Reading::default()).await.is_ok());
    assert!(users.batch(&[ada.id], &reading(None, &[2])).await.is_err());
    assert!(users.list(None, 10, None).await.is_ok());
    assert!(users.list(None, 10, Some(Strong)).await.is_err());
    profiles.close().await;
}

/// To whom events are told that nobody listens to.
async fn publisher() -> Publisher {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::open(&folder.path().join("bus.redb"), EngineConfig::default()).unwrap();
    let bus = EmbeddedBus::open(engine.clone(), EmbeddedBusConfig::default()).await.unwrap();
    let (publisher, _relay) =
        Relay::new(Arc::new(EmbeddedOutbox::new(engine)), Arc::new(bus), RelayConfig::default());
    publisher
}

/// A store that asks as `config` says, and what it asks.
async fn observed(config: &CqlConfig) -> (CqlStore, Arc<HistoryCollector>) {
    let history = Arc::new(HistoryCollector::new());
    let cql = Cql::connect(config).await.unwrap().observed(Arc::clone(&history) as _);
    let (clock, _hand) = Clock::manual(START);
    (CqlStore::open(cql, clock, commits("observed")).await.unwrap(), history)
}

/// A store whose nearest node is `node`, and what it asks.
async fn near(keyspace: &Keyspace, node: &Node) -> (CqlStore, Arc<HistoryCollector>) {
    observed(&CqlConfig {
        datacenter: node.datacenter.clone(),
        rack: node.rack.clone(),
        ..CqlConfig::plain(keyspace.contact_points(), keyspace.name())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_asks_the_nearest_node() {
    let keyspace = keyspace().await;
    let nodes = nodes(&keyspace).await;
    let (store, history) = near(&keyspace, &nodes[0]).await;
    let ids = some_users(&store).await;
    asks_only(address(&nodes[0]), &store, &history, &ids).await;
}

/// The nodes of the cluster.
async fn nodes(keyspace: &Keyspace) -> Vec<Arc<Node>> {
    session(keyspace).await.get_cluster_state().get_nodes_info().to_vec()
}

fn address(node: &Node) -> SocketAddr {
    SocketAddr::new(node.address.ip(), node.address.port())
}

/// Users in partitions all over the ring.
async fn some_users(store: &CqlStore) -> Vec<UserId> {
    let mut ids = Vec::new();
    for n in 0..24 {
        let person = person(n, &format!("p{n}@b.de"), START);
        create(store, &person, None).await.unwrap();
        ids.push(person.id);
    }
    ids
}

/// Reads the users, however many copies must answer: whom the store asked first is always `node`.
async fn asks_only(node: SocketAddr, store: &CqlStore, history: &HistoryCollector, ids: &[UserId]) {
    for consistency in [Eventual, Strong] {
        history.take_collected();
        for id in ids {
            assert!(store.users_at(&[*id], consistency).await.unwrap()[0].is_some());
        }
        assert_eq!(first_asked(history), BTreeSet::from([node]), "{consistency:?}");
    }
}

/// The nodes that were asked since the last look, without those that were asked second.
fn first_asked(history: &HistoryCollector) -> BTreeSet<SocketAddr> {
    let requests = history.clone_structured_history().requests;
    let attempts = requests.iter().filter_map(|request| request.non_speculative_fiber.attempts.first());
    attempts.map(|attempt| attempt.node_addr).collect()
}
