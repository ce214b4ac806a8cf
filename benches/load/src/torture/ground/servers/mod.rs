//! A CQL cluster and a broker, which whoever looks asks directly, around every proxy.

mod outbox;
mod queues;

use std::time::Duration;

use anyhow::Context as _;
use mesh_rig::servers::{Broker, Login};
use scylla::client::{session::Session, session_builder::SessionBuilder};
use service_kit::{
    clock::Clock,
    cql::{Cql, CqlConfig, commit::CommitConfig},
};
use tokio::{
    time::{Instant, sleep, timeout},
    try_join,
};
use user::store::cql::CqlStore;

use super::Disk;

/// How long the servers may take to answer whoever looks, and the wait between two looks.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(2);
/// How long one look may take. lapin does not end what waits for the answer to a method when the broker closes the
/// connection just then: without a bound, whoever looks would wait for ever.
const ONE_LOOK: Duration = Duration::from_secs(30);

/// A CQL cluster and a broker, and what of them is a platform's.
#[derive(Clone, Debug)]
pub struct Servers {
    /// Nodes of the cluster to begin with, `host:port` each.
    pub contact_points: Vec<String>,
    /// Where the services keep what they know.
    pub keyspaces: Keyspaces,
    /// Where events go.
    pub broker: Broker,
    /// The virtual host in which they do.
    pub vhost: String,
}

/// The keyspace of each service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyspaces {
    /// The user service's.
    pub user: String,
    /// The payment service's.
    pub payment: String,
    /// The notification service's.
    pub notification: String,
}

impl Keyspaces {
    /// Those whose names begin with this, as a stack's do.
    #[must_use]
    pub fn of(prefix: &str) -> Self {
        let name = |service: &str| format!("{prefix}_{service}");
        Self { user: name("user"), payment: name("payment"), notification: name("notification") }
    }
}

impl Servers {
    /// Looks for the profiles of these people, for events that were not published, and for those that are in a queue.
    /// What the consumers of a platform that runs have out is known as of some seconds ago. Servers that were killed and
    /// paused a moment ago answer late, so it is tried for a minute.
    ///
    /// # Errors
    /// When a server does not answer, or not as expected.
    pub(in crate::torture) async fn look(&self, people: &[String]) -> anyhow::Result<Disk> {
        let end = Instant::now() + PATIENCE;
        loop {
            let looked = match timeout(ONE_LOOK, self.look_once(people)).await {
                Ok(looked) => looked,
                Err(late) => Err(late).context("the servers do not answer"),
            };
            match looked {
                Err(_) if Instant::now() < end => sleep(AGAIN).await,
                looked => return looked,
            }
        }
    }

    async fn look_once(&self, people: &[String]) -> anyhow::Result<Disk> {
        let profiles = async { self.profiles(people).await.context("the user service's store") };
        let unpublished = async { self.unpublished().await.context("the outboxes") };
        let queued = async { queues::look(self).await.context("the queues") };
        let (profiles, unpublished, queued) = try_join!(profiles, unpublished, queued)?;
        Ok(Disk { profiles, under_way: unpublished.into_iter().chain(queued).collect() })
    }

    async fn profiles(&self, people: &[String]) -> anyhow::Result<Vec<mesh_rig::history::Found>> {
        let config = CqlConfig::plain(self.contact_points.clone(), &self.keyspaces.user);
        let cql = Cql::connect(&config).await?;
        let store = CqlStore::open(cql, Clock::system(), CommitConfig::default()).await?;
        super::profiles(&store, people).await
    }

    async fn unpublished(&self) -> anyhow::Result<Vec<String>> {
        let session = self.session().await?;
        let mut told = Vec::new();
        let Keyspaces { user, payment, .. } = &self.keyspaces;
        // Nothing happens in the notification service that others hear of.
        for (keyspace, aggregates) in [(user, outbox::USERS), (payment, outbox::BOOKS)] {
            let unpublished = outbox::unpublished(&session, keyspace, aggregates).await?;
            if unpublished > 0 {
                told.push(format!("{unpublished} events in {keyspace} that are not published"));
            }
        }
        Ok(told)
    }

    /// A session with the cluster, in no keyspace.
    pub(in crate::torture) async fn session(&self) -> anyhow::Result<Session> {
        Ok(SessionBuilder::new().known_nodes(&self.contact_points).build().await?)
    }

    /// Where the broker is, for whoever speaks AMQP with it.
    pub(in crate::torture) fn uri(&self) -> String {
        let Broker { amqp, login: Login { user, password }, .. } = &self.broker;
        format!("amqp://{user}:{password}@{amqp}/{}", self.vhost)
    }
}
