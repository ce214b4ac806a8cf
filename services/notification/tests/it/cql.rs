//! The CQL store on a real cluster: the conformance suite, and what only several instances can show.

mod leases;
mod pointers;
mod requests;

use std::{sync::Arc, time::Duration};

use mesh_rig::testing::{Keyspace, keyspace};
use notification::store::{NotificationStore, cql::CqlStore};
use service_kit::{
    clock::{Clock, Hand, UnixMillis},
    cql::{Cql, CqlConfig, Purpose},
};

use crate::conformance::{Harness, conformance};

/// The instance under test.
const INSTANCE: &str = "notification-0";

/// A store in a keyspace of its own, under a clock that stands still.
pub(crate) struct Cluster {
    store: Arc<CqlStore>,
    cql: Cql,
    clock: Clock,
    hand: Hand,
    keyspace: Keyspace,
}

impl Cluster {
    async fn open(cql: Cql, clock: Clock, hand: Hand, keyspace: Keyspace) -> Self {
        let store = Arc::new(CqlStore::open(cql.clone(), clock.clone(), INSTANCE).await.unwrap());
        Self { store, cql, clock, hand, keyspace }
    }

    /// The time that the store goes by, and what moves it.
    pub(crate) fn time(&self) -> (Clock, Hand) {
        (self.clock.clone(), self.hand.clone())
    }

    /// Another instance on the same keyspace.
    async fn another(&self, instance: &str) -> Arc<CqlStore> {
        Arc::new(CqlStore::open(self.cql.clone(), self.clock.clone(), instance).await.unwrap())
    }

    /// Runs a statement that no store would run.
    async fn run(&self, text: &str) {
        let statement = self.cql.prepare(Purpose::Write, text).await.unwrap();
        self.cql.write(&statement, ()).await.unwrap();
    }

    /// Runs a conditional one, which must apply.
    async fn decide(&self, text: &str) {
        let statement = self.cql.prepare(Purpose::Cas, text).await.unwrap();
        assert!(self.cql.cas(&statement, ()).await.unwrap().is_applied(), "{text}");
    }

    /// Rows that a query finds.
    async fn count(&self, text: &str) -> usize {
        let statement = self.cql.prepare(Purpose::Read, text).await.unwrap();
        self.cql.rows(&statement, ()).await.unwrap().rows_num()
    }

    /// Pointers to what is due.
    async fn pointers(&self) -> usize {
        self.count("SELECT shard FROM notification_due").await
    }
}

impl Harness for Cluster {
    const CASES: u32 = 24;

    async fn new() -> Self {
        let (clock, hand) = Clock::manual(UnixMillis(1_000_000));
        let keyspace = keyspace().await;
        let config = CqlConfig::plain(keyspace.contact_points(), keyspace.name());
        Self::open(Cql::connect(&config).await.unwrap(), clock, hand, keyspace).await
    }

    fn store(&self) -> Arc<dyn NotificationStore> {
        Arc::clone(&self.store) as Arc<dyn NotificationStore>
    }

    fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    fn advance(&self, duration: Duration) {
        self.hand.advance(duration);
    }

    async fn reopen(self) -> Self {
        Self::open(self.cql, self.clock, self.hand, self.keyspace).await
    }
}

conformance!(crate::cql::Cluster);
