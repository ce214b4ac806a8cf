//! The CQL store under the conformance suite, and what only a cluster has.

mod race;
mod routing;

use std::{sync::Arc, time::Duration};

use mesh_events::Outbox as _;
use mesh_rig::testing::{Keyspace, keyspace};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    cql::{Cql, CqlConfig, commit::CommitConfig},
};
use user::store::{Store, cql::CqlStore};

use crate::conformance::{Harness, conformance};

/// When the clock of every test begins.
const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// A store in a keyspace of its own, under a clock that stands still.
pub(crate) struct OnCql {
    store: Arc<CqlStore>,
    clock: Clock,
    hand: Hand,
    // Last, so that it is given back when nobody writes to it any more.
    keyspace: Keyspace,
}

impl OnCql {
    async fn open(keyspace: Keyspace, clock: Clock, hand: Hand) -> Self {
        let store = Arc::new(open(&keyspace, clock.clone(), "first").await);
        Self { store, clock, hand, keyspace }
    }
}

/// An instance of the store, with a session of its own.
async fn open(keyspace: &Keyspace, clock: Clock, instance: &str) -> CqlStore {
    let cql = Cql::connect(&CqlConfig::plain(keyspace.contact_points(), keyspace.name())).await.unwrap();
    CqlStore::open(cql, clock, commits(instance)).await.unwrap()
}

fn commits(instance: &str) -> CommitConfig {
    CommitConfig { instance: instance.to_owned(), ..CommitConfig::default() }
}

impl Harness for OnCql {
    async fn new() -> Self {
        let (clock, hand) = Clock::manual(START);
        Self::open(keyspace().await, clock, hand).await
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn advance(&self, duration: Duration) {
        self.hand.advance(duration);
    }

    async fn reopen(self) -> Self {
        let Self { store, clock, hand, keyspace } = self;
        drop(store);
        Self::open(keyspace, clock, hand).await
    }

    async fn events(&self) -> Vec<mesh_events::Envelope> {
        self.store.outbox().pending(Duration::ZERO, None, 10_000).await.unwrap()
    }
}

conformance!(crate::cql::OnCql);
