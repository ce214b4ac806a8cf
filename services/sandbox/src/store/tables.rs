//! The tables.

use redb::{TableDefinition, WriteTransaction};

/// Place in the books -> transaction.
pub(super) const TRANSACTIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sandbox.transactions");
/// Key -> place in the books.
pub(super) const BY_KEY: TableDefinition<'_, &str, u64> = TableDefinition::new("sandbox.by_key");
/// Authorization -> its books.
pub(super) const ACCOUNTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sandbox.accounts");
/// Keys whose first try failed on purpose, and nothing was done under them since.
pub(super) const FAILED: TableDefinition<'_, &str, ()> = TableDefinition::new("sandbox.failed_once");
/// Places of transactions that are not settled yet.
pub(super) const PENDING: TableDefinition<'_, u64, ()> = TableDefinition::new("sandbox.pending");
/// Number of a delivery -> what is to be told.
pub(super) const DELIVERIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sandbox.deliveries");

/// Makes the tables, so that a read of a new store finds them empty rather than missing.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(TRANSACTIONS)?;
    txn.open_table(BY_KEY)?;
    txn.open_table(ACCOUNTS)?;
    txn.open_table(FAILED)?;
    txn.open_table(PENDING)?;
    txn.open_table(DELIVERIES)?;
    Ok(())
}
