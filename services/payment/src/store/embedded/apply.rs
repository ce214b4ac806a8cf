//! One commit.

use redb::{ReadableTable as _, WriteTransaction};
use service_kit::{
    clock::UnixMillis,
    requests::embedded::{Recalled, recall, remember},
};

use super::{
    Job,
    tables::{
        BOOKS, BY_USER, GIVEN_UP, LAPSES, OPEN, OPERATIONS, PAYMENTS, PENDING, TRANSFERS, book_key,
        operation_key,
    },
};
use crate::{
    domain::{Before, BookId, Event, Operation, Payment, ProviderKey, Step, Transfer},
    store::{
        Applied, Book, Commit, StoreError, judge,
        records::{
            decode_book, decode_key, decode_operation, decode_payment, decode_transfer, encode_book,
            encode_key, encode_operation, encode_payment, encode_transfer,
        },
    },
};

/// Judges the commit and keeps it. Nothing is written before everything is judged.
pub(super) fn apply(
    txn: &WriteTransaction,
    book: BookId,
    expected: u64,
    commit: &Commit,
    now: UnixMillis,
) -> Job<Applied> {
    if let Some(request) = &commit.request {
        match answer(recall(txn, request, now)?)? {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(Some(key)) => return Ok(Ok(Applied::Before(key))),
            Ok(None) => {}
        }
    }
    let kept = stored_book(txn, book)?;
    if let Err(refusal) = judge::is_current(kept.version, expected) {
        return Ok(Err(refusal));
    }
    let step = &commit.step;
    let payment = stored_payment(txn, step)?;
    let open = payment.as_ref().map(|payment| stored_operation(txn, payment)).transpose()?.flatten();
    let pending = step.transfer.as_ref().map(|transfer| stored_pending(txn, transfer)).transpose()?.flatten();
    let before = Before {
        book,
        balance: kept.balance,
        payment: payment.as_ref(),
        open: open.as_ref(),
        pending: pending.as_ref(),
    };
    let balance = match judge::balance_after(step, &before) {
        Ok(balance) => balance,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let version = kept.version + 1;
    txn.open_table(BOOKS)?.insert(book_key(book), encode_book(version, &balance).as_slice())?;
    keep_payment(txn, payment.as_ref(), &step.payment)?;
    keep_operations(txn, step)?;
    if let Some(transfer) = &step.transfer {
        keep_transfer(txn, book, version, transfer)?;
    }
    if let Some(event) = &commit.event {
        mesh_events::embedded::append(txn, event)?;
    }
    if let Some(request) = &commit.request {
        remember(txn, request, &encode_key(step.payment.operation()), now)?;
    }
    Ok(Ok(Applied::Now { version }))
}

/// What is known of a request, as the operation that it began.
pub(super) fn answer(recalled: Recalled) -> Job<Option<ProviderKey>> {
    match recalled {
        Recalled::New => Ok(Ok(None)),
        Recalled::Reused => Ok(Err(StoreError::RequestReused)),
        Recalled::Answered(row) => Ok(Ok(Some(decode_key(&row)?))),
    }
}

fn stored_book(txn: &WriteTransaction, id: BookId) -> Result<Book, redb::Error> {
    let books = txn.open_table(BOOKS)?;
    let row = books.get(book_key(id))?;
    Ok(decode_book(id, row.as_ref().map(|row| row.value()))?)
}

fn stored_payment(txn: &WriteTransaction, step: &Step) -> Result<Option<Payment>, redb::Error> {
    let payments = txn.open_table(PAYMENTS)?;
    let row = payments.get(step.payment.id.0.into_bytes())?;
    Ok(row.map(|row| decode_payment(row.value())).transpose()?)
}

/// The payment's open operation: only the newest can be.
fn stored_operation(txn: &WriteTransaction, payment: &Payment) -> Result<Option<Operation>, redb::Error> {
    let operations = txn.open_table(OPERATIONS)?;
    let row = operations.get(operation_key(payment.operation()))?;
    let newest = row.map(|row| decode_operation(payment.operation(), row.value())).transpose()?;
    Ok(newest.filter(Operation::is_open))
}

fn stored_pending(txn: &WriteTransaction, transfer: &Transfer) -> Result<Option<Transfer>, redb::Error> {
    let pending = txn.open_table(PENDING)?;
    let key = transfer.resolves().unwrap_or(transfer.operation());
    let row = pending.get(operation_key(key))?;
    Ok(row.map(|row| decode_transfer(row.value())).transpose()?)
}

fn keep_payment(
    txn: &WriteTransaction,
    before: Option<&Payment>,
    after: &Payment,
) -> Result<(), redb::Error> {
    let id = after.id.0.into_bytes();
    txn.open_table(PAYMENTS)?.insert(id, encode_payment(after).as_slice())?;
    if before.is_none() {
        txn.open_table(BY_USER)?.insert((after.user.0.into_bytes(), id), ())?;
    }
    let (lapsed, lapses) = (before.and_then(Payment::lapses), after.lapses());
    if lapsed != lapses {
        let mut table = txn.open_table(LAPSES)?;
        if let Some(at) = lapsed {
            table.remove((at.0, id))?;
        }
        if let Some(at) = lapses {
            table.insert((at.0, id), ())?;
        }
    }
    Ok(())
}

fn keep_operations(txn: &WriteTransaction, step: &Step) -> Result<(), redb::Error> {
    let mut operations = txn.open_table(OPERATIONS)?;
    let mut open = txn.open_table(OPEN)?;
    for operation in step.settled.iter().chain(&step.opened) {
        let key = operation_key(operation.key);
        operations.insert(key, encode_operation(operation).as_slice())?;
        if operation.is_open() {
            open.insert(key, ())?;
        } else {
            open.remove(key)?;
        }
    }
    let newest = operation_key(step.payment.operation());
    if step.events.contains(&Event::GiveUp) {
        open.remove(newest)?;
        txn.open_table(GIVEN_UP)?.insert(newest, ())?;
    } else if step.events.iter().any(|event| event.resumes()) {
        txn.open_table(GIVEN_UP)?.remove(newest)?;
        open.insert(newest, ())?;
    }
    Ok(())
}

fn keep_transfer(
    txn: &WriteTransaction,
    book: BookId,
    version: u64,
    transfer: &Transfer,
) -> Result<(), redb::Error> {
    let row = encode_transfer(transfer);
    txn.open_table(TRANSFERS)?.insert((book_key(book), version), row.as_slice())?;
    let mut pending = txn.open_table(PENDING)?;
    match transfer.resolves() {
        None => pending.insert(operation_key(transfer.operation()), row.as_slice())?,
        Some(key) => pending.remove(operation_key(key))?,
    };
    Ok(())
}
