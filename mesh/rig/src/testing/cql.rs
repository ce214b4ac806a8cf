//! What is said to the CQL nodes.

use std::{error::Error, sync::Arc};

use scylla::{
    client::{session::Session, session_builder::SessionBuilder},
    errors::NewSessionError,
};
use tokio::task::JoinSet;

use super::names;

/// Tables that tell which tables there are: they stay as long as those do.
const OF_THE_SCHEMA: &str = "schema_migrations";
/// Replicas of each row, where there are as many nodes.
const REPLICAS_MAX: usize = 3;

/// Any of the errors of the driver.
pub(super) type CqlError = Box<dyn Error + Send + Sync>;

/// A connection to the nodes.
#[derive(Clone, Debug)]
pub(super) struct Cql {
    session: Arc<Session>,
    replicas: usize,
}

impl Cql {
    pub(super) async fn connect(contact_points: &[String]) -> Result<Self, NewSessionError> {
        let session = SessionBuilder::new().known_nodes(contact_points).build().await?;
        let replicas = session.get_cluster_state().get_nodes_info().len().clamp(1, REPLICAS_MAX);
        Ok(Self { session: Arc::new(session), replicas })
    }

    pub(super) async fn create(&self, keyspace: &str) -> Result<(), CqlError> {
        let replicas = self.replicas;
        let text = format!(
            "CREATE KEYSPACE {keyspace} WITH replication = \
             {{'class': 'NetworkTopologyStrategy', 'replication_factor': {replicas}}}"
        );
        self.run(&text).await
    }

    /// Drops a keyspace with its family.
    pub(super) async fn drop_keyspace(&self, keyspace: &str) -> Result<(), CqlError> {
        for name in self.keyspaces().await?.iter().filter(|name| names::is_family(name, keyspace)) {
            self.run(&format!("DROP KEYSPACE IF EXISTS {name}")).await?;
        }
        Ok(())
    }

    /// Every keyspace.
    pub(super) async fn keyspaces(&self) -> Result<Vec<String>, CqlError> {
        self.names("SELECT keyspace_name FROM system_schema.keyspaces").await
    }

    /// Empties the tables of a keyspace and of its family, except for what says which tables there are. Answers how
    /// many had rows.
    ///
    /// A table without rows is passed over: looking takes a few milliseconds, TRUNCATE a hundred.
    pub(super) async fn empty(&self, keyspace: &str) -> Result<usize, CqlError> {
        let mut emptying = JoinSet::new();
        for table in self.tables(keyspace).await? {
            let cql = self.clone();
            emptying.spawn(async move {
                let has_rows = cql.has_rows(&table).await?;
                if has_rows {
                    cql.run(&format!("TRUNCATE {table}")).await?;
                }
                Ok::<_, CqlError>(usize::from(has_rows))
            });
        }
        let mut emptied = 0;
        while let Some(outcome) = emptying.join_next().await {
            emptied += outcome??;
        }
        Ok(emptied)
    }

    /// The tables that are to be emptied, each with its keyspace.
    async fn tables(&self, keyspace: &str) -> Result<Vec<String>, CqlError> {
        let text = "SELECT keyspace_name, table_name FROM system_schema.tables";
        let found = self.session.query_unpaged(text, ()).await?.into_rows_result()?;
        let mut tables = Vec::new();
        for row in found.rows::<(String, String)>()? {
            let (owner, table) = row?;
            if names::is_family(&owner, keyspace) && table != OF_THE_SCHEMA {
                tables.push(format!("{owner}.{table}"));
            }
        }
        Ok(tables)
    }

    async fn has_rows(&self, table: &str) -> Result<bool, CqlError> {
        let found = self.session.query_unpaged(format!("SELECT * FROM {table} LIMIT 1"), ()).await?;
        Ok(found.into_rows_result()?.rows_num() > 0)
    }

    async fn names(&self, text: &str) -> Result<Vec<String>, CqlError> {
        let found = self.session.query_unpaged(text, ()).await?.into_rows_result()?;
        found.rows::<(String,)>()?.map(|row| row.map(|(name,)| name).map_err(CqlError::from)).collect()
    }

    async fn run(&self, text: &str) -> Result<(), CqlError> {
        self.session.query_unpaged(text, ()).await?;
        Ok(())
    }
}
