//! What a measurement has of the real servers: keyspaces and a virtual host of its own, gone afterwards.

use std::time::Duration;

use anyhow::Context as _;
use mesh_rig::servers::{Broker, broker, contact_points};
use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    statement::unprepared::Statement,
};
use tokio::select;

/// How long dropping a keyspace may take: its tables are dropped one by one.
const DROP: Duration = Duration::from_secs(60);

/// What a measurement has of the servers: those that the environment names, else those of `cargo rig up`.
#[derive(Debug)]
pub struct Lent {
    /// A session in no keyspace.
    pub session: Session,
    /// The nodes to begin with.
    pub nodes: Vec<String>,
    /// The broker.
    pub broker: Broker,
    name: String,
}

impl Lent {
    /// Connects, and makes the virtual host. Keyspaces are made by whoever uses them.
    async fn new() -> anyhow::Result<Self> {
        let (nodes, broker) = (contact_points()?, broker()?);
        let session = SessionBuilder::new().known_nodes(&nodes).build().await;
        let what = || format!("no CQL node answers at {}; `cargo rig up` starts one", nodes.join(", "));
        let session = session.with_context(what)?;
        let name = format!("bench_{}", std::process::id());
        let what = || format!("no broker answers at {}; `cargo rig up` starts one", broker.amqp);
        broker.management().create_vhost(&name).await.with_context(what)?;
        Ok(Self { session, nodes, broker, name })
    }

    /// The keyspace of this service.
    #[must_use]
    pub fn keyspace(&self, service: &str) -> String {
        format!("{}_{service}", self.name)
    }

    /// The virtual host's name.
    #[must_use]
    pub fn vhost(&self) -> &str {
        &self.name
    }

    /// The virtual host at the broker, or at what stands before it.
    #[must_use]
    pub fn uri(&self, at: std::net::SocketAddr) -> String {
        let login = &self.broker.login;
        format!("amqp://{}:{}@{at}/{}", login.user, login.password, self.name)
    }

    async fn give_back(self) -> anyhow::Result<()> {
        let left = "a virtual host is left behind";
        self.broker.management().delete_vhost(&self.name).await.context(left)?;
        let ours = format!("{}_", self.name);
        let found =
            self.session.query_unpaged("SELECT keyspace_name FROM system_schema.keyspaces", ()).await?;
        for row in found.into_rows_result()?.rows::<(String,)>()? {
            let (keyspace,) = row?;
            if keyspace.starts_with(&ours) {
                let mut drop = Statement::new(format!("DROP KEYSPACE IF EXISTS {keyspace}"));
                drop.set_request_timeout(Some(DROP));
                self.session.query_unpaged(drop, ()).await.context("a keyspace is left behind")?;
            }
        }
        Ok(())
    }
}

/// Runs a measurement, and clears away what it had of the servers, also when it fails or is interrupted.
///
/// # Errors
/// What the measurement says; else that the servers do not answer, or that something is left behind on them.
pub async fn with_servers<T>(measure: impl AsyncFnOnce(&Lent) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let lent = Lent::new().await?;
    let measured = select! {
        measured = measure(&lent) => measured,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    let given_back = lent.give_back().await;
    let measured = measured?;
    given_back.map(|()| measured)
}
