//! Reading a book.

use scylla::value::CqlVarint;
use service_kit::cql::CqlError;

use super::{
    Shared,
    keys::{ANCHOR, PAYMENT, PENDING, operation_key, operation_sort, unknown_key, version, version_sort},
};
use crate::{
    domain::{Balance, BookId, Operation, Payment, PaymentId, ProviderKey, Transfer},
    store::{
        Book, Entry, Standing, StoreError,
        records::{RecordError, decode_operation, decode_payment, decode_transfer},
    },
};

/// What of a book a step is judged by, as of one moment.
pub(super) struct Seen {
    /// Upon which a commit is conditional; none before anything happened to the partition.
    pub(super) rev: Option<i64>,
    pub(super) book: Book,
    pub(super) payment: Option<Kept>,
    pub(super) pending: Option<Transfer>,
}

/// A payment as it is kept.
pub(super) struct Kept {
    pub(super) payment: Payment,
    /// Its newest operation, open or ended.
    pub(super) newest: Option<Operation>,
    /// In which slice its work is filed, if there is any.
    pub(super) filed: i64,
}

type Number = Option<CqlVarint>;
type StandingRow = (
    i8,
    Option<i64>,
    Option<i64>,
    Number,
    Number,
    Number,
    Number,
    Option<Vec<u8>>,
    Option<Vec<u8>>,
    Option<i64>,
);
type BookRow = (String, Option<i64>, Number, Number, Number, Number);
type PaymentRow = (Vec<u8>, Option<Vec<u8>>, Option<i64>);

/// Reads that find a partition neither born nor unborn, at most: each takes the first commit of a book between two
/// reads.
const LOOKS: u32 = 8;

impl Shared {
    /// The book, a payment of it and a pending transfer of it, as of one moment.
    pub(super) async fn seen(
        &self,
        book: BookId,
        payment: PaymentId,
        pending: ProviderKey,
    ) -> Result<Seen, StoreError> {
        let key = book.to_string();
        for _ in 0..LOOKS {
            let values = (&key, payment.0.as_bytes().as_slice(), operation_sort(pending));
            let rows: Vec<StandingRow> = self.read(&self.statements.standing, values).await?;
            if !rows.is_empty() {
                return seen(book, rows);
            }
            // Without an anchor nothing was kept here, though it may have been fenced.
            let rows: Vec<(String, Option<i64>, Option<i64>)> =
                self.read(&self.statements.unborn, (&key,)).await?;
            let (rev, version) = rows.into_iter().next().map_or((None, None), |row| (row.1, row.2));
            if version.is_none() {
                let book = Book { id: book, version: 0, balance: Balance::default() };
                return Ok(Seen { rev, book, payment: None, pending: None });
            }
        }
        Err(CqlError::unexpected("a book with a version and without an anchor").into())
    }

    pub(super) async fn book(&self, id: BookId) -> Result<Book, StoreError> {
        let rows: Vec<BookRow> = self.read(&self.statements.book, (id.to_string(),)).await?;
        Ok(match rows.into_iter().next() {
            Some((_, Some(version), held, captured, refunding, refunded)) => {
                book(id, Some(version), [held, captured, refunding, refunded])?
            }
            _ => Book { id, version: 0, balance: Balance::default() },
        })
    }

    /// The payments of these ids that are in the book, in no order.
    pub(super) async fn kept(&self, book: BookId, ids: &[PaymentId]) -> Result<Vec<Kept>, StoreError> {
        let sorts: Vec<_> = ids.iter().map(|id| id.0.as_bytes().to_vec()).collect();
        let rows: Vec<PaymentRow> =
            self.read(&self.statements.payments_of_book, (book.to_string(), sorts)).await?;
        rows.into_iter().map(|(body, operation, filed)| Ok(kept(&body, operation, filed)?)).collect()
    }

    /// The payment, if it is in this book.
    pub(super) async fn kept_one(&self, book: BookId, id: PaymentId) -> Result<Option<Kept>, StoreError> {
        Ok(self.kept(book, &[id]).await?.pop())
    }

    /// The payment, in whichever book it is, and its book.
    pub(super) async fn standing(&self, id: PaymentId) -> Result<Option<Standing>, StoreError> {
        for book in self.homes(id).await? {
            let none = ProviderKey { payment: id, seq: 0 };
            let seen = self.seen(book, id, none).await?;
            if let Some(Kept { payment, newest, .. }) = seen.payment {
                let open = newest.filter(Operation::is_open);
                return Ok(Some(Standing { payment, open, version: seen.book.version }));
            }
        }
        Ok(None)
    }

    pub(super) async fn operation(&self, key: ProviderKey) -> Result<Option<Operation>, StoreError> {
        for book in self.homes(key.payment).await? {
            let values = (book.to_string(), operation_sort(key));
            let rows: Vec<(Vec<u8>,)> = self.read(&self.statements.operation, values).await?;
            if let Some((row,)) = rows.first() {
                return Ok(Some(decode_operation(key, row)?));
            }
        }
        Ok(None)
    }

    /// Up to `limit` operations of a payment in this book, from the one after the number `after`.
    pub(super) async fn operations_of(
        &self,
        book: BookId,
        after: ProviderKey,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        let last = ProviderKey { seq: u32::MAX, ..after };
        let values = (book.to_string(), operation_sort(after), operation_sort(last), cql_limit(limit));
        let rows: Vec<(Vec<u8>, Vec<u8>)> = self.read(&self.statements.operations_of_payment, values).await?;
        rows.into_iter().map(|(sort, row)| Ok(decode_operation(operation_key(&sort)?, &row)?)).collect()
    }

    pub(super) async fn entries(
        &self,
        book: BookId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let values = (book.to_string(), version_sort(after), cql_limit(limit));
        let rows: Vec<(Vec<u8>, Vec<u8>)> = self.read(&self.statements.transfers, values).await?;
        rows.into_iter()
            .map(|(sort, row)| Ok(Entry { version: version(&sort)?, transfer: decode_transfer(&row)? }))
            .collect()
    }
}

/// A `LIMIT`, which is never zero.
pub(super) fn cql_limit(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX).max(1)
}

fn seen(id: BookId, rows: Vec<StandingRow>) -> Result<Seen, StoreError> {
    let (mut rev, mut statics, mut payment, mut pending) = (None, None, None, None);
    for (kind, at, version, held, captured, refunding, refunded, body, operation, filed) in rows {
        rev = at;
        statics = Some((version, [held, captured, refunding, refunded]));
        match (kind, body) {
            (ANCHOR, _) => {}
            (PAYMENT, Some(body)) => payment = Some(kept(&body, operation, filed)?),
            (PENDING, Some(body)) => pending = Some(decode_transfer(&body)?),
            _ => return Err(unknown_key().into()),
        }
    }
    let (version, numbers) = statics.ok_or_else(unknown_key)?;
    Ok(Seen { rev, book: book(id, version, numbers)?, payment, pending })
}

fn kept(body: &[u8], operation: Option<Vec<u8>>, filed: Option<i64>) -> Result<Kept, RecordError> {
    let payment = decode_payment(body)?;
    let newest = operation.map(|row| decode_operation(payment.operation(), &row)).transpose()?;
    Ok(Kept { payment, newest, filed: filed.unwrap_or_default() })
}

fn book(
    id: BookId,
    version: Option<i64>,
    [held, captured, refunding, refunded]: [Number; 4],
) -> Result<Book, RecordError> {
    let version = version.and_then(|version| u64::try_from(version).ok());
    let version = version.ok_or_else(|| RecordError::new("a book without a version"))?;
    let balance = Balance {
        held: sum(held)?,
        captured: sum(captured)?,
        refunding: sum(refunding)?,
        refunded: sum(refunded)?,
    };
    Ok(Book { id, version, balance })
}

fn sum(number: Number) -> Result<i128, RecordError> {
    let number = number.ok_or_else(|| RecordError::new("a book without a balance"))?;
    let bytes = number.as_signed_bytes_be_slice();
    let is_negative = bytes.first().is_some_and(|first| *first >= 0x80);
    let mut wide = [if is_negative { 0xff } else { 0 }; 16];
    let at = wide.len().checked_sub(bytes.len()).ok_or_else(|| RecordError::new("a sum above 128 bits"))?;
    wide[at..].copy_from_slice(bytes);
    Ok(i128::from_be_bytes(wide))
}

/// A sum as the cluster keeps it.
pub(super) fn number(sum: i128) -> CqlVarint {
    CqlVarint::from_signed_bytes_be_slice(&sum.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_keep_their_128_bits_and_their_sign() {
        for value in [0, 1, -1, 127, 128, -128, -129, i128::from(i64::MAX) * 3, i128::MAX, i128::MIN] {
            assert_eq!(sum(Some(number(value))).unwrap(), value);
        }
        // As another client would write them, in as few bytes as will do.
        for (bytes, value) in [(&[0x7f][..], 127), (&[0x80], -128), (&[0, 0x80], 128), (&[0xff, 0x7f], -129)]
        {
            assert_eq!(sum(Some(CqlVarint::from_signed_bytes_be_slice(bytes))).unwrap(), value);
        }
        assert!(sum(Some(CqlVarint::from_signed_bytes_be_slice(&[1; 17]))).is_err());
        assert!(sum(None).is_err());
    }
}
