//! The session: one per process and keyspace.

use std::{fmt, sync::Arc, time::Duration};

use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    errors::ExecutionError,
    observability::history::HistoryListener,
    policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy},
    response::query_result::{QueryResult, QueryRowsResult},
    serialize::row::SerializeRow,
    statement::{
        batch::{Batch, BatchType},
        unprepared::Statement as Unprepared,
    },
};

use super::{
    Bound, Cas, ConnectError, CqlConfig, CqlError, Purpose, Statement,
    config::is_name,
    profiles::{Profiles, time_left},
};

/// How long connecting to one node may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often a node has to show that it lives, and how soon; then its connections are given up. It is also what bounds
/// the greeting of a node that takes connections and says nothing, which would hold up a start.
const ALIVE_EVERY: Duration = Duration::from_secs(5);
const ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// How long a change of the schema may take.
const SCHEMA: Duration = Duration::from_secs(30);

/// A session with a cluster, in one keyspace. Clones share it.
#[derive(Clone)]
pub struct Cql {
    inner: Arc<Inner>,
    listener: Option<Arc<dyn HistoryListener>>,
}

struct Inner {
    session: Session,
    profiles: Profiles,
    keyspace: String,
    is_scylla: bool,
}

impl Cql {
    /// Connects, and makes the keyspace if it is missing.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(config: &CqlConfig) -> Result<Self, ConnectError> {
        if !is_name(&config.keyspace) {
            return Err(ConnectError::Name(config.keyspace.clone()));
        }
        let profiles = Profiles::new(config);
        let mut builder = SessionBuilder::new()
            .known_nodes(&config.contact_points)
            .connection_timeout(CONNECT)
            .keepalive_interval(ALIVE_EVERY)
            .keepalive_timeout(ALIVE_WITHIN)
            .keyspaces_to_fetch([config.keyspace.as_str()])
            .default_execution_profile_handle(profiles.of(Purpose::Read));
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            builder = builder.user(user, password.expose());
        }
        let session = builder.build().await?;
        let keyspace = config.keyspace.clone();
        let entered = enter(&session, config).await;
        let is_scylla =
            entered.map_err(|source| ConnectError::Keyspace { keyspace: keyspace.clone(), source })?;
        Ok(Self { inner: Arc::new(Inner { session, profiles, keyspace, is_scylla }), listener: None })
    }

    /// The same session, whose statements tell `listener` which nodes they ask.
    #[must_use]
    pub fn observed(&self, listener: Arc<dyn HistoryListener>) -> Self {
        Self { listener: Some(listener), ..self.clone() }
    }

    /// Whether the cluster is ScyllaDB.
    #[must_use]
    pub fn is_scylla(&self) -> bool {
        self.inner.is_scylla
    }

    /// The keyspace.
    #[must_use]
    pub fn keyspace(&self) -> &str {
        &self.inner.keyspace
    }

    /// Prepares a statement for a purpose.
    ///
    /// # Errors
    /// [`CqlError::Refused`] when the cluster does not understand it, or no node can be asked.
    pub async fn prepare(&self, purpose: Purpose, text: &str) -> Result<Statement, CqlError> {
        let mut prepared = self.inner.session.prepare(self.with_timeout(purpose, text)).await?;
        prepared.set_execution_profile_handle(Some(self.inner.profiles.of(purpose)));
        // The driver repeats, and asks two nodes at once, only what is marked so. A conditional write must never be:
        // the second copy would be refused because of the first one.
        prepared.set_is_idempotent(!matches!(purpose, Purpose::Cas | Purpose::Decide));
        // What the columns of a read are was said when it was prepared: Cassandra need not write it into every answer
        // (ScyllaDB knows by itself). It could become wrong for `SELECT *`, or a column that changes its type: our
        // reads name their columns, and migrations only add some. The answer to a conditional write has other columns
        // when it is refused.
        prepared.set_use_cached_result_metadata(purpose.is_read());
        Ok(Statement { prepared: Arc::new(prepared), purpose })
    }

    /// ScyllaDB drops a read whose answer nobody waits for any more.
    fn with_timeout(&self, purpose: Purpose, text: &str) -> String {
        let may_stop = matches!(purpose, Purpose::Read | Purpose::Tolerant);
        if self.inner.is_scylla && may_stop {
            format!("{text} USING TIMEOUT {}ms", purpose.bound().as_millis())
        } else {
            text.to_owned()
        }
    }

    /// Runs a read.
    ///
    /// # Errors
    /// [`CqlError`].
    pub async fn rows(
        &self,
        statement: &Statement,
        values: impl SerializeRow,
    ) -> Result<QueryRowsResult, CqlError> {
        let result = self.execute(statement, values).await?;
        result.into_rows_result().map_err(CqlError::unexpected)
    }

    /// Runs a plain write.
    ///
    /// # Errors
    /// [`CqlError`].
    pub async fn write(&self, statement: &Statement, values: impl SerializeRow) -> Result<(), CqlError> {
        self.execute(statement, values).await.map(drop)
    }

    /// Runs a conditional write.
    ///
    /// # Errors
    /// [`CqlError`]; [`CqlError::is_unknown`] tells whether it may have happened.
    pub async fn cas(&self, statement: &Statement, values: impl SerializeRow) -> Result<Cas, CqlError> {
        Cas::read(self.execute(statement, values).await?)
    }

    /// Runs a statement that was bound before: a plain write.
    ///
    /// # Errors
    /// [`CqlError`].
    pub async fn write_bound(&self, bound: &Bound) -> Result<(), CqlError> {
        self.write(&bound.statement, &bound.values).await
    }

    /// Runs a conditional batch: statements on one partition of one table, of which at least one has a condition. All
    /// of it happens, or nothing.
    ///
    /// # Errors
    /// As [`Cql::cas`].
    pub async fn cas_batch(&self, statements: &[Bound]) -> Result<Cas, CqlError> {
        // A single partition needs no log, and a conditional batch is a whole without one.
        let mut batch = Batch::new(BatchType::Unlogged);
        for bound in statements {
            batch.append_statement((*bound.statement.prepared).clone());
        }
        batch.set_execution_profile_handle(Some(self.inner.profiles.of(Purpose::Cas)));
        batch.set_is_idempotent(false);
        batch.set_request_timeout(Some(time_left(Purpose::Cas)?));
        if let Some(listener) = &self.listener {
            batch.set_history_listener(Arc::clone(listener));
        }
        let values: Vec<_> = statements.iter().map(|bound| &bound.values).collect();
        Cas::read(self.inner.session.batch(&batch, values).await?)
    }

    async fn execute(
        &self,
        statement: &Statement,
        values: impl SerializeRow,
    ) -> Result<QueryResult, CqlError> {
        let bound = (*statement.prepared).clone().bind(&values);
        let mut bound = bound.map_err(ExecutionError::from)?;
        bound.set_request_timeout(Some(time_left(statement.purpose)?));
        if let Some(listener) = &self.listener {
            bound.set_history_listener(Arc::clone(listener));
        }
        Ok(self.inner.session.execute_bound_unpaged(&bound).await?)
    }

    /// Waits until all nodes that can be reached have the same schema.
    pub(super) async fn agree(&self) -> Result<(), CqlError> {
        let agreed = self.inner.session.await_schema_agreement().await;
        agreed.map(drop).map_err(|error| CqlError::Unknown(error.into()))
    }

    /// Runs a statement that is not worth preparing: of the schema, or once in a life.
    pub(super) async fn once(&self, text: &str, values: impl SerializeRow) -> Result<QueryResult, CqlError> {
        once(&self.inner.session, text, values).await
    }

    /// The same at the first of the nodes that there are, which is the same one for every instance.
    pub(super) async fn once_at_first(
        &self,
        text: &str,
        values: impl SerializeRow,
    ) -> Result<QueryResult, CqlError> {
        let session = &self.inner.session;
        let cluster = session.get_cluster_state();
        let connected = cluster.get_nodes_info().iter().filter(|node| node.is_connected());
        let first =
            connected.min_by_key(|node| node.host_id).map(|node| NodeIdentifier::HostId(node.host_id));
        let mut statement = Unprepared::new(text);
        statement.set_request_timeout(Some(SCHEMA));
        statement
            .set_load_balancing_policy(first.map(|first| SingleTargetLoadBalancingPolicy::new(first, None)));
        Ok(session.query_unpaged(statement, values).await?)
    }
}

async fn once(session: &Session, text: &str, values: impl SerializeRow) -> Result<QueryResult, CqlError> {
    let mut statement = Unprepared::new(text);
    statement.set_request_timeout(Some(SCHEMA));
    Ok(session.query_unpaged(statement, values).await?)
}

/// Makes the keyspace if it is missing and enters it; says whether the cluster is ScyllaDB.
async fn enter(session: &Session, config: &CqlConfig) -> Result<bool, CqlError> {
    let keyspace = &config.keyspace;
    let count = async |text: &str, name: &str| -> Result<usize, CqlError> {
        let rows = once(session, text, (name,)).await?.into_rows_result();
        Ok(rows.map_err(CqlError::unexpected)?.rows_num())
    };
    // Looked up first: two instances that both change the schema at once can leave Cassandra's nodes disagreeing.
    let found = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    if count(found, keyspace).await? == 0 {
        let copies = config.replication_factor;
        let create = format!(
            "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = \
             {{'class': 'NetworkTopologyStrategy', 'replication_factor': {copies}}}"
        );
        once(session, &create, ()).await?;
    }
    session.use_keyspace(keyspace, false).await.map_err(ExecutionError::from)?;
    let scylla = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = 'system_schema' AND table_name = ?";
    Ok(count(scylla, "scylla_tables").await? > 0)
}

impl fmt::Debug for Cql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { keyspace, is_scylla, .. } = &*self.inner;
        f.debug_struct("Cql")
            .field("keyspace", keyspace)
            .field("is_scylla", is_scylla)
            .finish_non_exhaustive()
    }
}
