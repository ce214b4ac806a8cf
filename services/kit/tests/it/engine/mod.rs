//! The embedded engine on a real file.

mod failure;
mod open;
mod read;
mod write;

use std::{convert::Infallible, path::Path};

use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction};
use service_kit::embedded::{Engine, EngineConfig};

const NUMBERS: TableDefinition<'static, u64, u64> = TableDefinition::new("test.numbers");

fn open(folder: &Path) -> Engine {
    Engine::open(&folder.join("test.redb"), EngineConfig::default()).expect("open")
}

/// A job that puts a number into the table.
fn put(n: u64) -> impl FnOnce(&WriteTransaction) -> Result<Result<u64, Infallible>, redb::Error> + Send {
    move |txn| {
        txn.open_table(NUMBERS)?.insert(n, n)?;
        Ok(Ok(n))
    }
}

/// A job that lists the table.
fn list(txn: &ReadTransaction) -> Result<Vec<u64>, redb::Error> {
    let numbers = match txn.open_table(NUMBERS) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
        numbers => numbers?,
    };
    numbers.iter()?.map(|row| Ok(row?.0.value())).collect()
}
