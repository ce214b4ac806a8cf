//! The tables, all in the file that the stack's services share, hence the prefix, and their keys.

use redb::{TableDefinition, WriteTransaction};
use uuid::Uuid;

use crate::domain::{BookId, Currency, PaymentId, ProviderKey, UserId};

/// User id and currency code.
pub(super) type BookKey = [u8; 19];
/// Payment id and number of the operation.
pub(super) type OperationKey = ([u8; 16], u32);

/// Book -> version and balance.
pub(super) const BOOKS: TableDefinition<'_, BookKey, &[u8]> = TableDefinition::new("payment.books");
/// Payment id -> payment.
pub(super) const PAYMENTS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("payment.payments");
/// (User id, payment id), for lists.
pub(super) const BY_USER: TableDefinition<'_, ([u8; 16], [u8; 16]), ()> =
    TableDefinition::new("payment.payments_by_user");
/// (Book, version of the book that it made) -> transfer.
pub(super) const TRANSFERS: TableDefinition<'_, (BookKey, u64), &[u8]> =
    TableDefinition::new("payment.transfers");
/// Operation -> its pending transfer, until that is resolved.
pub(super) const PENDING: TableDefinition<'_, OperationKey, &[u8]> = TableDefinition::new("payment.pending");
/// Operation -> what was asked for and how it ended.
pub(super) const OPERATIONS: TableDefinition<'_, OperationKey, &[u8]> =
    TableDefinition::new("payment.operations");
/// Operations that have not ended, and are driven.
pub(super) const OPEN: TableDefinition<'_, OperationKey, ()> =
    TableDefinition::new("payment.open_operations");
/// Operations that have not ended, and were given up: apart, so that however many they are, whoever looks for
/// what is to be driven does not come upon them.
pub(super) const GIVEN_UP: TableDefinition<'_, OperationKey, ()> = TableDefinition::new("payment.given_up");
/// (When an authorization must be released, payment id), for those that are held.
pub(super) const LAPSES: TableDefinition<'_, (u64, [u8; 16]), ()> = TableDefinition::new("payment.lapses");

/// Makes the tables, so that a read of a new store finds them empty rather than missing.
pub(super) fn create(txn: &WriteTransaction) -> Result<(), redb::Error> {
    txn.open_table(BOOKS)?;
    txn.open_table(PAYMENTS)?;
    txn.open_table(BY_USER)?;
    txn.open_table(TRANSFERS)?;
    txn.open_table(PENDING)?;
    txn.open_table(OPERATIONS)?;
    txn.open_table(OPEN)?;
    txn.open_table(GIVEN_UP)?;
    txn.open_table(LAPSES)?;
    service_kit::requests::embedded::create(txn)
}

pub(super) fn book_key(book: BookId) -> BookKey {
    let mut key = [0; 19];
    key[..16].copy_from_slice(book.user.0.as_bytes());
    // Codes of ISO 4217 have three letters.
    for (to, from) in key[16..].iter_mut().zip(book.currency.code().bytes()) {
        *to = from;
    }
    key
}

/// The book of a key.
pub(super) fn book_id(key: BookKey) -> Result<BookId, redb::Error> {
    let (user, code) = key.split_at(16);
    let user = Uuid::from_slice(user).map(UserId).ok();
    let currency = std::str::from_utf8(code).ok().and_then(Currency::restore);
    let id = user.zip(currency).map(|(user, currency)| BookId { user, currency });
    id.ok_or_else(|| redb::Error::Corrupted("a book of no known currency".to_owned()))
}

pub(super) fn operation_key(key: ProviderKey) -> OperationKey {
    (key.payment.0.into_bytes(), key.seq)
}

pub(super) fn provider_key((payment, seq): OperationKey) -> ProviderKey {
    ProviderKey { payment: PaymentId(Uuid::from_bytes(payment)), seq }
}
