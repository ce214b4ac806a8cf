//! The mark that says whose file this is and how it is laid out.

use std::path::Path;

use redb::{Database, ReadableDatabase, TableDefinition, TableError};

use super::{OpenError, open::explain};

/// The layout that this version reads and writes. Raise it when a change makes an older file unreadable, and
/// migrate in [`check`].
const SUPPORTED: u64 = 1;
const FORMAT: TableDefinition<'static, &str, u64> = TableDefinition::new("engine.format");
const VERSION: &str = "version";

/// What the file says of itself.
enum Found {
    Version(u64),
    /// No table at all: a new file, or one whose first start was cut short.
    Empty,
    /// A redb file of somebody else.
    Foreign,
}

/// Checks the mark; gives it to a new file.
pub(super) fn check(database: &Database, path: &Path) -> Result<(), OpenError> {
    match find(database).map_err(|error| explain(path, error))? {
        Found::Version(SUPPORTED) => Ok(()),
        Found::Version(found) => {
            Err(OpenError::Format { path: path.to_owned(), found, supported: SUPPORTED })
        }
        Found::Foreign => Err(OpenError::NotADatabase { path: path.to_owned() }),
        Found::Empty => mark(database).map_err(|error| explain(path, error)),
    }
}

fn find(database: &Database) -> Result<Found, redb::Error> {
    let txn = database.begin_read()?;
    let format = match txn.open_table(FORMAT) {
        Ok(format) => format,
        Err(TableError::TableDoesNotExist(_)) => {
            let empty = txn.list_tables()?.next().is_none() && txn.list_multimap_tables()?.next().is_none();
            return Ok(if empty { Found::Empty } else { Found::Foreign });
        }
        Err(error) => return Err(error.into()),
    };
    let version = format.get(VERSION)?.map(|version| version.value());
    Ok(version.map_or(Found::Foreign, Found::Version))
}

fn mark(database: &Database) -> Result<(), redb::Error> {
    let txn = database.begin_write()?;
    txn.open_table(FORMAT)?.insert(VERSION, SUPPORTED)?;
    Ok(txn.commit()?)
}
