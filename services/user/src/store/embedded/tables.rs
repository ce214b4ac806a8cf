//! The tables, all in the file that the stack's services share, hence the prefix. Ids are numbers: redb compares
//! those faster than bytes, and in the same order.

use redb::{TableDefinition, WriteTransaction};

/// User id -> user.
pub(super) const USERS: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("user.users");
/// Address in its normal form -> user id.
pub(super) const EMAILS: TableDefinition<'_, &str, u128> = TableDefinition::new("user.emails");
/// User id -> profile.
pub(super) const PROFILES: TableDefinition<'_, u128, &[u8]> = TableDefinition::new("user.profiles");
/// Hash of the token -> session.
pub(super) const SESSIONS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("user.sessions");
/// (User id, hash of the token), to end all sessions of a user.
pub(super) const SESSIONS_BY_USER: TableDefinition<'_, (u128, [u8; 32]), ()> =
    TableDefinition::new("user.sessions_by_user");
/// (Expiry, hash of the token), oldest first.
pub(super) const SESSIONS_BY_EXPIRY: TableDefinition<'_, (u64, [u8; 32]), ()> =
    TableDefinition::new("user.sessions_by_expiry");

/// Makes the tables, so that a read of a new store finds them empty rather than missing.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(USERS)?;
    txn.open_table(EMAILS)?;
    txn.open_table(PROFILES)?;
    txn.open_table(SESSIONS)?;
    txn.open_table(SESSIONS_BY_USER)?;
    txn.open_table(SESSIONS_BY_EXPIRY)?;
    service_kit::requests::embedded::create(txn)
}
