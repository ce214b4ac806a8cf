//! The tables, all in the file that the stack's services share, hence the prefix. Ids are numbers: redb compares
//! those faster than bytes, and in the same order.

use redb::{TableDefinition, WriteTransaction};

/// Notification id -> notification.
pub(super) const ITEMS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("notification.items");
/// (User id, creation, notification id): a user's list, oldest first.
pub(super) const BY_USER: TableDefinition<'_, (u128, u64, u128), ()> =
    TableDefinition::new("notification.by_user");
/// (Due time, notification id): what is to be sent, due longest first.
pub(super) const DUE: TableDefinition<'_, (u64, u128), ()> = TableDefinition::new("notification.due");

/// Makes the tables, so that a read of a new store finds them empty rather than missing.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(ITEMS)?;
    txn.open_table(BY_USER)?;
    txn.open_table(DUE)?;
    service_kit::requests::embedded::create(txn)
}
