//! Migrations: numbered files, each applied once, by whoever comes first.
//!
//! What was applied is recorded with its checksum, and a file that changed since is refused. One instance applies at
//! a time: it holds a lease, which ends by itself when it dies. A file that was cut off is applied again from its
//! beginning, so every statement must bear that (`IF NOT EXISTS`).
//!
//! The table of the lease itself is made without one. On Cassandra two nodes that make one table at the same time make
//! two, and disagree from then on; so all instances send what changes the schema to the same node.

use std::{collections::HashMap, time::Duration};

use scylla::{response::query_result::QueryResult, value::CqlValue};
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Cas, Cql, CqlError, MigrateError};

/// One numbered change of the schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its number, counted for each name; applied in this order.
    pub version: u32,
    /// Whose tables these are. Together with the number it names the migration for ever.
    pub name: &'static str,
    /// Its statements, each ended by `;` at the end of a line; lines that begin with `--` are comments.
    pub text: &'static str,
    /// More statements, which only ScyllaDB understands.
    pub scylla: Option<&'static str>,
}

/// How long the lease of a dead instance keeps the others waiting, in seconds; a statement takes at most half of it.
const LEASE_S: i32 = 60;
/// How long an instance waits for another one.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often the lease is renewed anew when there is no answer.
const RENEWALS: usize = 5;
/// How often it looks.
const LOOK: Duration = Duration::from_millis(250);

const TABLES: [&str; 2] = [
    "CREATE TABLE IF NOT EXISTS schema_migrations (name text, version int, checksum text, PRIMARY KEY (name, version))",
    "CREATE TABLE IF NOT EXISTS schema_lock (name text PRIMARY KEY, owner uuid)",
];
const APPLIED: &str = "SELECT name, version, checksum FROM schema_migrations";

impl Cql {
    /// Brings the keyspace to the newest schema. Any number of instances may do so at once.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub async fn migrate(&self, migrations: &[Migration]) -> Result<(), MigrateError> {
        match applied(self.once(APPLIED, ()).await) {
            Ok(applied) if missing(migrations, &applied)?.is_empty() => return Ok(()),
            // There is no such table, or not yet at each node.
            _ => {}
        }
        for create in TABLES {
            self.once_at_first(create, ()).await?;
        }
        // Another instance may have made them, and its node may be ahead of the others.
        self.agree().await?;
        let owner = Uuid::new_v4();
        self.lock(owner).await?;
        let outcome = self.apply_missing(migrations, owner).await;
        // If this fails the lease ends by itself.
        let unlock = "DELETE FROM schema_lock WHERE name = 'migrate' IF owner = ?";
        let _ = self.once_at_first(unlock, (owner,)).await;
        outcome
    }

    async fn apply_missing(&self, migrations: &[Migration], owner: Uuid) -> Result<(), MigrateError> {
        for migration in missing(migrations, &applied(self.once_at_first(APPLIED, ()).await)?)? {
            let Migration { version, name, .. } = *migration;
            for statement in statements(migration, self.is_scylla()) {
                self.renew(owner).await?;
                let run = self.once_at_first(&statement, ()).await;
                run.map_err(|source| MigrateError::Statement { version, name, source })?;
            }
            let record = "INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)";
            let number = i32::try_from(version).unwrap_or(i32::MAX);
            self.once_at_first(record, (number, name, checksum(migration))).await?;
            tracing::info!(keyspace = self.keyspace(), version, name, "migration applied");
        }
        Ok(())
    }

    async fn lock(&self, owner: Uuid) -> Result<(), MigrateError> {
        let take = format!(
            "INSERT INTO schema_lock (name, owner) VALUES ('migrate', ?) IF NOT EXISTS USING TTL {LEASE_S}"
        );
        let start = Instant::now();
        loop {
            let is_over = start.elapsed() > PATIENCE;
            match self.once_at_first(&take, (owner,)).await.and_then(Cas::read) {
                Ok(Cas::Applied) => return Ok(()),
                // By an earlier try, to which there was no answer.
                Ok(Cas::Refused(row)) if row.get("owner") == Some(&CqlValue::Uuid(owner)) => return Ok(()),
                Ok(Cas::Refused(_)) if is_over => return Err(MigrateError::Locked(PATIENCE)),
                Err(error) if is_over || !error.is_unknown() => return Err(error.into()),
                Ok(Cas::Refused(_)) | Err(_) => sleep(LOOK).await,
            }
        }
    }

    /// Keeps the lease for another statement; one that was lost stops the migration, because somebody else goes on.
    async fn renew(&self, owner: Uuid) -> Result<(), MigrateError> {
        let renew = format!(
            "UPDATE schema_lock USING TTL {LEASE_S} SET owner = ? WHERE name = 'migrate' IF owner = ?"
        );
        for _ in 0..RENEWALS {
            match self.once_at_first(&renew, (owner, owner)).await.and_then(Cas::read) {
                Ok(Cas::Applied) => return Ok(()),
                Ok(Cas::Refused(_)) => break,
                // Whether or not it happened, it can be done again.
                Err(error) if error.is_unknown() => sleep(LOOK).await,
                Err(error) => return Err(error.into()),
            }
        }
        Err(CqlError::Refused("the lease of the migration was lost".into()).into())
    }
}

/// The checksum of each migration that was applied, by name and number.
type Applied = HashMap<(String, i32), String>;

fn applied(read: Result<QueryResult, CqlError>) -> Result<Applied, CqlError> {
    let rows = read?.into_rows_result().map_err(CqlError::unexpected)?;
    let rows = rows.rows::<(String, i32, String)>().map_err(CqlError::unexpected)?;
    let rows = rows.map(|row| row.map(|(name, version, checksum)| ((name, version), checksum)));
    rows.collect::<Result<_, _>>().map_err(CqlError::unexpected)
}

/// The migrations that were not applied, in order.
fn missing<'a>(migrations: &'a [Migration], applied: &Applied) -> Result<Vec<&'a Migration>, MigrateError> {
    let mut missing = Vec::new();
    for migration in migrations {
        let number = i32::try_from(migration.version).unwrap_or(i32::MAX);
        match applied.get(&(migration.name.to_owned(), number)) {
            None => missing.push(migration),
            Some(known) if *known == checksum(migration) => {}
            Some(_) => {
                return Err(MigrateError::Changed { version: migration.version, name: migration.name });
            }
        }
    }
    missing.sort_by_key(|migration| migration.version);
    Ok(missing)
}

/// Of the statements for every cluster only: what is added for ScyllaDB may change with ScyllaDB.
fn checksum(migration: &Migration) -> String {
    let mut hash = Sha256::new();
    split(migration.text).iter().for_each(|statement| hash.update(statement.as_bytes()));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn statements(migration: &Migration, is_scylla: bool) -> Vec<String> {
    let mut statements = split(migration.text);
    if let (true, Some(more)) = (is_scylla, migration.scylla) {
        statements.extend(split(more));
    }
    statements
}

/// The statements of a file, without comments and line breaks, so that a comment may still be mended.
fn split(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.split("--").next().unwrap_or_default().trim());
    let code = code.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    code.split(';').map(str::trim).filter(|statement| !statement.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Migration = Migration {
        version: 1,
        name: "first",
        text: "-- why\nCREATE TABLE a (\n  id int PRIMARY KEY -- an id\n);\nCREATE TABLE b (id int PRIMARY KEY);\n",
        scylla: Some("ALTER TABLE a WITH x = 1;"),
    };

    #[test]
    fn a_file_is_its_statements_without_its_comments() {
        let [a, b] = statements(&FIRST, false).try_into().unwrap();
        assert_eq!(a, "CREATE TABLE a ( id int PRIMARY KEY )");
        assert_eq!(b, "CREATE TABLE b (id int PRIMARY KEY)");
        assert_eq!(statements(&FIRST, true).len(), 3);
    }

    #[test]
    fn a_mended_comment_is_no_change_and_a_changed_statement_is() {
        let commented = Migration {
            text: "CREATE TABLE a ( id int PRIMARY KEY );\n--\nCREATE TABLE b (id int PRIMARY KEY);",
            ..FIRST
        };
        let changed = Migration { text: "CREATE TABLE a (id uuid PRIMARY KEY);", ..FIRST };
        let applied = HashMap::from([(("first".to_owned(), 1), checksum(&FIRST))]);
        assert!(missing(&[commented], &applied).unwrap().is_empty());
        assert!(matches!(missing(&[changed], &applied), Err(MigrateError::Changed { version: 1, .. })));
        assert_eq!(missing(&[FIRST], &HashMap::new()).unwrap().len(), 1);
    }
}
