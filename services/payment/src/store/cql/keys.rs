//! Kinds of rows and their keys. Bytes of a key sort as what they stand for.

use scylla::value::CqlValue;
use uuid::Uuid;

use crate::{
    domain::{BookId, Currency, PaymentId, ProviderKey, UserId},
    store::records::RecordError,
};

/// The row that brings the statics along; see the migration.
pub(super) const ANCHOR: i8 = -1;
/// Its key.
pub(super) const ANCHOR_SORT: [u8; 1] = [0];
pub(super) const PAYMENT: i8 = 1;
pub(super) const TRANSFER: i8 = 2;
pub(super) const OPERATION: i8 = 4;
pub(super) const PENDING: i8 = 5;

/// Partitions that an index is spread over.
pub(super) const SHARDS: u8 = 16;

const DAY_MS: u64 = 24 * 3_600 * 1_000;

pub(super) fn operation_sort(key: ProviderKey) -> Vec<u8> {
    let mut sort = key.payment.0.as_bytes().to_vec();
    sort.extend_from_slice(&key.seq.to_be_bytes());
    sort
}

pub(super) fn operation_key(sort: &[u8]) -> Result<ProviderKey, RecordError> {
    let (payment, seq) = sort.split_at_checked(16).ok_or_else(unknown_key)?;
    let payment = Uuid::from_slice(payment).map(PaymentId).map_err(|_| unknown_key())?;
    let seq = seq.try_into().map(u32::from_be_bytes).map_err(|_| unknown_key())?;
    Ok(ProviderKey { payment, seq })
}

pub(super) fn version_sort(version: u64) -> Vec<u8> {
    version.to_be_bytes().to_vec()
}

pub(super) fn version(sort: &[u8]) -> Result<u64, RecordError> {
    sort.try_into().map(u64::from_be_bytes).map_err(|_| unknown_key())
}

/// The book of a partition key.
pub(super) fn book_id(key: &str) -> Result<BookId, RecordError> {
    let read = key.split_once('|').and_then(|(user, code)| {
        Some(BookId { user: UserId(Uuid::try_parse(user).ok()?), currency: Currency::restore(code)? })
    });
    read.ok_or_else(|| RecordError::new("a book of no known currency"))
}

pub(super) fn book_key(book: BookId) -> CqlValue {
    CqlValue::Text(book.to_string())
}

/// The day of the payment's id, whose first 48 bits are a time. Days follow each other as ids do.
pub(super) fn day(payment: PaymentId) -> i64 {
    let ms = payment.0.as_u64_pair().0 >> 16;
    i64::try_from(ms / DAY_MS).unwrap_or(i64::MAX)
}

/// The shard of a payment: the last bits of an id are random.
pub(super) fn payment_shard(payment: PaymentId, shards: u8) -> i8 {
    shard(payment.0, shards)
}

/// The shard of a book: of the user, who may have an id of any kind.
pub(super) fn book_shard(book: BookId) -> i8 {
    shard(Uuid::new_v5(&Uuid::NAMESPACE_OID, book.user.0.as_bytes()), SHARDS)
}

fn shard(of: Uuid, shards: u8) -> i8 {
    i8::try_from(of.as_bytes()[15] % shards).unwrap_or_default()
}

pub(super) fn unknown_key() -> RecordError {
    RecordError::new("a key of unknown form")
}

#[cfg(test)]
mod tests {
    use service_kit::clock::UnixMillis;

    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written_and_sort_as_what_they_stand_for() {
        let payment = PaymentId::at(UnixMillis(1_700_000_000_000), [7; 10]);
        let keys = [1, 2, 255, 256, u32::MAX].map(|seq| ProviderKey { payment, seq });
        let sorts = keys.map(operation_sort);
        assert!(sorts.is_sorted());
        assert_eq!(sorts.map(|sort| operation_key(&sort).unwrap()), keys);
        let versions = [0, 1, 255, 256, u64::MAX];
        assert!(versions.map(version_sort).is_sorted());
        assert_eq!(versions.map(|one| version(&version_sort(one)).unwrap()), versions);
        for wrong in [&[][..], &[1; 19], &[1; 21]] {
            assert!(operation_key(wrong).is_err() && version(wrong).is_err());
        }
    }

    #[test]
    fn a_book_is_read_from_its_key() {
        let book = BookId { user: UserId(Uuid::from_u128(1)), currency: Currency::restore("EUR").unwrap() };
        assert_eq!(book_id(&book.to_string()).unwrap(), book);
        for wrong in
            ["", "1|EUR", "00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000001|X"]
        {
            assert!(book_id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_follow_each_other_as_ids_do() {
        let day_of = |ms| day(PaymentId::at(UnixMillis(ms), [255; 10]));
        assert_eq!(
            (day_of(0), day_of(DAY_MS - 1), day_of(DAY_MS), day_of(1_700_000_000_000)),
            (0, 0, 1, 19_675)
        );
    }
}
