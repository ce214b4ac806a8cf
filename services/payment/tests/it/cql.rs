//! The CQL store under the conformance suite, and what only several sessions on one cluster can show.

mod races;
mod services;
mod work;

use std::{sync::Arc, time::Duration};

use mesh_events::Outbox as _;
use mesh_rig::testing::{Keyspace, keyspace};
use payment::store::{PaymentStore, cql::CqlStore};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    cql::{Cql, CqlConfig, commit::CommitConfig},
};

use crate::conformance::{Harness, conformance};

/// A store in a keyspace of its own, under a clock that stands still.
pub(crate) struct Cluster {
    store: Arc<CqlStore>,
    clock: Clock,
    hand: Hand,
    keyspace: Keyspace,
}

impl Cluster {
    async fn open(keyspace: Keyspace, clock: Clock, hand: Hand) -> Self {
        let store = open(&keyspace, &clock, "one").await;
        Self { store: Arc::new(store), clock, hand, keyspace }
    }

    /// The clock that all its stores go by.
    pub(crate) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// A session with the cluster, beside the store's.
    pub(crate) async fn session(&self) -> Cql {
        session(&self.keyspace).await
    }

    /// One more store in the keyspace, in a session of its own.
    pub(crate) async fn another(&self, instance: &str) -> CqlStore {
        open(&self.keyspace, &self.clock, instance).await
    }
}

async fn session(keyspace: &Keyspace) -> Cql {
    Cql::connect(&CqlConfig::plain(keyspace.contact_points(), keyspace.name())).await.unwrap()
}

/// A store in a keyspace. The clock stands still, so leases never end: an instance that comes again has its old name.
pub(crate) async fn open(keyspace: &Keyspace, clock: &Clock, instance: &str) -> CqlStore {
    let config = CommitConfig { instance: instance.to_owned(), ..CommitConfig::default() };
    CqlStore::open(session(keyspace).await, clock.clone(), config).await.unwrap()
}

impl Harness for Cluster {
    /// A round trip is a thousand times as long as in a file: a third of the walks, a third as long.
    const WALKS: (u32, usize) = (16, 50);

    async fn new() -> Self {
        let (clock, hand) = Clock::manual(UnixMillis(1_000_000));
        Self::open(keyspace().await, clock, hand).await
    }

    fn store(&self) -> Arc<dyn PaymentStore> {
        Arc::clone(&self.store) as Arc<dyn PaymentStore>
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn advance(&self, duration: Duration) {
        self.hand.advance(duration);
    }

    async fn reopen(self) -> Self {
        Self::open(self.keyspace, self.clock, self.hand).await
    }

    async fn events(&self) -> Vec<mesh_events::Envelope> {
        self.store.outbox().pending(Duration::ZERO, None, 10_000).await.unwrap()
    }
}

conformance!(crate::cql::Cluster);
