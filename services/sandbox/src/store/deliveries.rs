//! Who is still to be told of what.

use redb::{ReadTransaction, ReadableTable as _, WriteTransaction};

use super::{
    records::{decode_delivery, encode_delivery},
    tables::DELIVERIES,
};
use crate::domain::Key;

/// A call of the webhook that is still to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// Its number.
    pub(crate) number: u64,
    /// What was settled.
    pub(crate) key: Key,
    /// How often it was tried in vain.
    pub(crate) attempts: u32,
}

/// How a delivery went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It was acknowledged, or will not be tried again.
    Over(u64),
    /// It is to be tried again.
    Failed(Delivery),
}

/// So many deliveries of the same news.
pub(super) fn add(txn: &WriteTransaction, key: &Key, count: u32) -> Result<(), redb::Error> {
    let mut deliveries = txn.open_table(DELIVERIES)?;
    for _ in 0..count {
        let number = deliveries.last()?.map_or(0, |(last, _)| last.value()) + 1;
        deliveries.insert(number, encode_delivery(key, 0).as_slice())?;
    }
    Ok(())
}

pub(super) fn due(txn: &ReadTransaction, limit: usize) -> Result<Vec<Delivery>, redb::Error> {
    let deliveries = txn.open_table(DELIVERIES)?;
    let rows = deliveries.range(0..)?;
    rows.take(limit)
        .map(|row| {
            let (number, row) = row?;
            let (key, attempts) = decode_delivery(row.value())?;
            Ok(Delivery { number: number.value(), key, attempts })
        })
        .collect()
}

pub(super) fn note(txn: &WriteTransaction, tried: &[Tried]) -> Result<(), redb::Error> {
    let mut deliveries = txn.open_table(DELIVERIES)?;
    for tried in tried {
        match tried {
            Tried::Over(number) => drop(deliveries.remove(number)?),
            Tried::Failed(delivery) => {
                let row = encode_delivery(&delivery.key, delivery.attempts + 1);
                deliveries.insert(delivery.number, row.as_slice())?;
            }
        }
    }
    Ok(())
}
