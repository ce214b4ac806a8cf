//! What was taken on, and is settled later.

use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};

use super::{
    deliveries,
    orders::{account, keep_account},
    records::{corrupted, decode_transaction, encode_transaction},
    tables::{PENDING, TRANSACTIONS},
};
use crate::domain::{Account, Outcome, Transaction};

pub(super) fn pending(txn: &ReadTransaction, limit: usize) -> Result<Vec<u64>, redb::Error> {
    let pending = txn.open_table(PENDING)?;
    let rows = pending.range(0..)?;
    rows.take(limit).map(|row| Ok(row?.0.value())).collect()
}

/// Settles what is still pending of these, in the same transaction as the tellings of it.
pub(super) fn settle(txn: &WriteTransaction, pending: &[u64], tellings: u32) -> Result<(), redb::Error> {
    for sequence in pending {
        if txn.open_table(PENDING)?.remove(sequence)?.is_none() {
            continue;
        }
        let mut transactions = txn.open_table(TRANSACTIONS)?;
        let row = transactions.get(sequence)?;
        let row = row.ok_or_else(|| corrupted("a pending transaction is missing"))?;
        let transaction = decode_transaction(*sequence, row.value())?;
        drop(row);
        let settled = Transaction { outcome: Outcome::Settled, ..transaction };
        let key = &settled.order.key;
        let free = Account { is_busy: false, ..account(txn, key)? };
        // It was possible when it was taken on, and nothing was done since.
        let after = free.after(&settled.order).map_err(|why| corrupted(&why.to_string()))?;
        keep_account(txn, key, &after)?;
        transactions.insert(sequence, encode_transaction(&settled).as_slice())?;
        deliveries::add(txn, key, tellings)?;
    }
    Ok(())
}
