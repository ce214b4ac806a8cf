//! Queries, each in one snapshot.

use std::ops::Bound;

use redb::{ReadTransaction, TableDefinition};
use service_kit::clock::UnixMillis;
use uuid::Uuid;

use super::tables::{
    BOOKS, BY_USER, GIVEN_UP, LAPSES, OPEN, OPERATIONS, OperationKey, PAYMENTS, TRANSFERS, book_id, book_key,
    operation_key, provider_key,
};
use crate::{
    domain::{BookId, Operation, Payment, PaymentId, ProviderKey, UserId},
    store::{
        Book, Entry, Standing,
        records::{decode_book, decode_operation, decode_payment, decode_transfer},
    },
};

pub(super) fn payment(txn: &ReadTransaction, id: PaymentId) -> Result<Option<Standing>, redb::Error> {
    let payments = txn.open_table(PAYMENTS)?;
    let Some(row) = payments.get(id.0.into_bytes())? else { return Ok(None) };
    let payment = decode_payment(row.value())?;
    let open = operation(txn, payment.operation())?.filter(Operation::is_open);
    let version = book(txn, payment.book())?.version;
    Ok(Some(Standing { payment, open, version }))
}

pub(super) fn payments(
    txn: &ReadTransaction,
    user: UserId,
    before: Option<PaymentId>,
    limit: usize,
) -> Result<Vec<Payment>, redb::Error> {
    let (by_user, payments) = (txn.open_table(BY_USER)?, txn.open_table(PAYMENTS)?);
    let user = user.0.into_bytes();
    let end =
        before.map_or(Bound::Included((user, [0xff; 16])), |id| Bound::Excluded((user, id.0.into_bytes())));
    let rows = by_user.range::<([u8; 16], [u8; 16])>((Bound::Included((user, [0; 16])), end))?;
    rows.rev()
        .take(limit)
        .map(|row| {
            let id = row?.0.value().1;
            let row = payments.get(id)?;
            let row = row.ok_or_else(|| redb::Error::Corrupted("a listed payment is missing".to_owned()))?;
            Ok(decode_payment(row.value())?)
        })
        .collect()
}

pub(super) fn book(txn: &ReadTransaction, id: BookId) -> Result<Book, redb::Error> {
    let books = txn.open_table(BOOKS)?;
    let row = books.get(book_key(id))?;
    Ok(decode_book(id, row.as_ref().map(|row| row.value()))?)
}

pub(super) fn entries(
    txn: &ReadTransaction,
    book: BookId,
    after: u64,
    limit: usize,
) -> Result<Vec<Entry>, redb::Error> {
    let transfers = txn.open_table(TRANSFERS)?;
    let key = book_key(book);
    let range = (Bound::Excluded((key, after)), Bound::Included((key, u64::MAX)));
    let rows = transfers.range::<([u8; 19], u64)>(range)?;
    rows.take(limit)
        .map(|row| {
            let (key, row) = row?;
            Ok(Entry { version: key.value().1, transfer: decode_transfer(row.value())? })
        })
        .collect()
}

pub(super) fn operation(txn: &ReadTransaction, key: ProviderKey) -> Result<Option<Operation>, redb::Error> {
    let operations = txn.open_table(OPERATIONS)?;
    let row = operations.get(operation_key(key))?;
    Ok(row.map(|row| decode_operation(key, row.value())).transpose()?)
}

pub(super) fn open_operations(
    txn: &ReadTransaction,
    after: Option<ProviderKey>,
    limit: usize,
) -> Result<Vec<Operation>, redb::Error> {
    named(txn, OPEN, after, limit)
}

pub(super) fn given_up(
    txn: &ReadTransaction,
    after: Option<ProviderKey>,
    limit: usize,
) -> Result<Vec<Operation>, redb::Error> {
    named(txn, GIVEN_UP, after, limit)
}

/// The operations that a table names.
fn named(
    txn: &ReadTransaction,
    table: TableDefinition<'_, OperationKey, ()>,
    after: Option<ProviderKey>,
    limit: usize,
) -> Result<Vec<Operation>, redb::Error> {
    let (names, operations) = (txn.open_table(table)?, txn.open_table(OPERATIONS)?);
    let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(operation_key(key)));
    let rows = names.range::<([u8; 16], u32)>((from, Bound::Unbounded))?;
    rows.take(limit)
        .map(|row| {
            let key = row?.0.value();
            let row = operations.get(key)?;
            let row = row.ok_or_else(|| redb::Error::Corrupted("an open operation is missing".to_owned()))?;
            Ok(decode_operation(provider_key(key), row.value())?)
        })
        .collect()
}

pub(super) fn books(
    txn: &ReadTransaction,
    after: Option<BookId>,
    limit: usize,
) -> Result<Vec<Book>, redb::Error> {
    let books = txn.open_table(BOOKS)?;
    let from = after.map_or(Bound::Unbounded, |book| Bound::Excluded(book_key(book)));
    let rows = books.range::<[u8; 19]>((from, Bound::Unbounded))?;
    rows.take(limit)
        .map(|row| {
            let (key, row) = row?;
            Ok(decode_book(book_id(key.value())?, Some(row.value()))?)
        })
        .collect()
}

pub(super) fn operations(
    txn: &ReadTransaction,
    after: Option<ProviderKey>,
    limit: usize,
) -> Result<Vec<Operation>, redb::Error> {
    let operations = txn.open_table(OPERATIONS)?;
    let from = after.map_or(Bound::Unbounded, |key| Bound::Excluded(operation_key(key)));
    let rows = operations.range::<([u8; 16], u32)>((from, Bound::Unbounded))?;
    rows.take(limit)
        .map(|row| {
            let (key, row) = row?;
            Ok(decode_operation(provider_key(key.value()), row.value())?)
        })
        .collect()
}

pub(super) fn lapsed(
    txn: &ReadTransaction,
    now: UnixMillis,
    limit: usize,
) -> Result<Vec<PaymentId>, redb::Error> {
    let lapses = txn.open_table(LAPSES)?;
    let rows = lapses.range(..=(now.0, [0xff; 16]))?;
    rows.take(limit).map(|row| Ok(PaymentId(Uuid::from_bytes(row?.0.value().1)))).collect()
}
