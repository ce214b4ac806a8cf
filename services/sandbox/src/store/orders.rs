//! Orders, and what was done about them.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};
use service_kit::clock::UnixMillis;

use super::{
    Job, StoreError,
    records::{decode_account, decode_transaction, encode_account, encode_transaction},
    tables::{ACCOUNTS, BY_KEY, FAILED, PENDING, TRANSACTIONS},
};
use crate::domain::{Account, Key, Order, Outcome, Token, Transaction};

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It was carried out now.
    Now(Transaction),
    /// It was carried out before.
    Before(Transaction),
    /// It fails this once, and nothing was done.
    Failed,
}

/// The answer to an order under whose key something was done before.
fn repeated(found: Transaction, order: &Order) -> Result<Taken, StoreError> {
    if found.order == *order { Ok(Taken::Before(found)) } else { Err(StoreError::KeyReused(found.order.key)) }
}

/// Carries the order out. Nothing is written before everything is judged.
pub(super) fn take(txn: &WriteTransaction, order: Order, now: UnixMillis) -> Job<Taken> {
    if let Some(found) = stored(&txn.open_table(BY_KEY)?, &txn.open_table(TRANSACTIONS)?, &order.key)? {
        return Ok(repeated(found, &order));
    }
    let token = Token::of(&order.method);
    let mut failed = txn.open_table(FAILED)?;
    let has_failed = failed.get(order.key.as_str())?.is_some();
    if token == Token::FailsOnce && !has_failed {
        failed.insert(order.key.as_str(), ())?;
        return Ok(Ok(Taken::Failed));
    }
    let before = account(txn, &order.key)?;
    let after = match before.after(&order) {
        Ok(after) => after,
        Err(why) => return Ok(Err(StoreError::Impossible(why))),
    };
    let (outcome, after) = match (token.declines(order.kind), token) {
        (Some(code), _) => (Outcome::Declined(code.to_owned()), None),
        // What is taken on is in the books when it is settled; until then nothing else can begin.
        (None, Token::Later) => (Outcome::Pending, Some(Account { is_busy: true, ..before })),
        (None, _) => (Outcome::Settled, Some(after)),
    };
    if has_failed {
        // From now on the transaction itself says that this was not the first try.
        failed.remove(order.key.as_str())?;
    }
    if let Some(after) = after {
        keep_account(txn, &order.key, &after)?;
    }
    let mut transactions = txn.open_table(TRANSACTIONS)?;
    let sequence = transactions.last()?.map_or(0, |(last, _)| last.value()) + 1;
    let transaction = Transaction { sequence, order, outcome, created: now };
    transactions.insert(sequence, encode_transaction(&transaction).as_slice())?;
    txn.open_table(BY_KEY)?.insert(transaction.order.key.as_str(), sequence)?;
    if transaction.outcome == Outcome::Pending {
        txn.open_table(PENDING)?.insert(sequence, ())?;
    }
    Ok(Ok(Taken::Now(transaction)))
}

pub(super) fn find(txn: &ReadTransaction, key: &Key) -> Result<Option<Transaction>, redb::Error> {
    stored(&txn.open_table(BY_KEY)?, &txn.open_table(TRANSACTIONS)?, key)
}

pub(super) fn list(txn: &ReadTransaction, after: u64, limit: usize) -> Result<Vec<Transaction>, redb::Error> {
    let transactions = txn.open_table(TRANSACTIONS)?;
    let rows = transactions.range(after.saturating_add(1)..)?;
    rows.take(limit)
        .map(|row| {
            let (sequence, row) = row?;
            decode_transaction(sequence.value(), row.value())
        })
        .collect()
}

/// The books of the authorization that the key belongs to.
pub(super) fn account(txn: &WriteTransaction, key: &Key) -> Result<Account, redb::Error> {
    let accounts = txn.open_table(ACCOUNTS)?;
    let row = accounts.get(key.authorization())?;
    row.map_or_else(|| Ok(Account::default()), |row| decode_account(row.value()))
}

pub(super) fn keep_account(txn: &WriteTransaction, key: &Key, account: &Account) -> Result<(), redb::Error> {
    txn.open_table(ACCOUNTS)?.insert(key.authorization(), encode_account(account).as_slice())?;
    Ok(())
}

fn stored(
    by_key: &impl ReadableTable<&'static str, u64>,
    transactions: &impl ReadableTable<u64, &'static [u8]>,
    key: &Key,
) -> Result<Option<Transaction>, redb::Error> {
    let Some(sequence) = by_key.get(key.as_str())?.map(|row| row.value()) else { return Ok(None) };
    let row = transactions.get(sequence)?;
    let row = row.ok_or_else(|| redb::Error::Corrupted("a transaction is missing".to_owned()))?;
    decode_transaction(sequence, row.value()).map(Some)
}
