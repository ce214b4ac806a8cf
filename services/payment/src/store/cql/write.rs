//! What a commit writes: pointers before it, rows with it.

use scylla::value::CqlValue;
use service_kit::cql::Bound;

use super::{
    Shared,
    book::{Kept, Seen, number},
    keys::{
        ANCHOR, ANCHOR_SORT, OPERATION, PENDING, SHARDS, TRANSFER, book_key, book_shard, day, operation_sort,
        payment_shard, version_sort,
    },
    work::{DAYS, Filed, Place},
};
use crate::{
    domain::{Balance, Payment, Step},
    store::{
        StoreError,
        records::{encode_operation, encode_payment, encode_transfer},
    },
};

impl Shared {
    /// The rows outside the book that will be true after the step.
    pub(super) async fn pointers(
        &self,
        step: &Step,
        filed: Option<&Filed>,
    ) -> Result<Vec<Bound>, StoreError> {
        let mut pointers = Vec::new();
        if step.payment.version == 1 {
            pointers.extend(self.pointers_of_new(&step.payment).await?);
        }
        if let Some(filed) = filed {
            self.open_slice(filed.work.kind.code(), filed.slice).await?;
            pointers.push(self.put_work(filed));
        }
        Ok(pointers)
    }

    async fn pointers_of_new(&self, payment: &Payment) -> Result<Vec<Bound>, StoreError> {
        let (id, book, statements) = (payment.id, payment.book(), &self.statements);
        let day = day(id);
        self.open_slice(DAYS, day).await?;
        let uuid = |uuid| Some(CqlValue::Uuid(uuid));
        let currency = CqlValue::Text(book.currency.code().to_owned());
        let shard = payment_shard(id, SHARDS);
        Ok(vec![
            self.home(book, id),
            statements.put_by_user.bind(vec![uuid(book.user.0), uuid(id.0), Some(currency)]),
            statements.put_book.bind(vec![Some(CqlValue::TinyInt(book_shard(book))), Some(book_key(book))]),
            statements.put_payment_of_day.bind(vec![
                Some(CqlValue::BigInt(day)),
                Some(CqlValue::TinyInt(shard)),
                uuid(id.0),
                Some(book_key(book)),
            ]),
        ])
    }

    /// The rows of the book that the step makes, and its balance and version.
    pub(super) fn rows(
        &self,
        seen: &Seen,
        step: &Step,
        version: u64,
        balance: &Balance,
        filed: Option<&Filed>,
    ) -> Vec<Bound> {
        let book = seen.book.id;
        let of_book = |kind, sort| vec![Some(book_key(book)), Some(CqlValue::TinyInt(kind)), blob(sort)];
        let put = |kind, sort, body| {
            let mut values = of_book(kind, sort);
            values.push(blob(body));
            self.statements.put_row.bind(values)
        };
        let mut rows = vec![self.statics(seen, version, balance), self.payment_row(seen, step, filed)];
        if seen.book.version == 0 {
            rows.push(self.statements.put_anchor.bind(of_book(ANCHOR, ANCHOR_SORT.to_vec())));
        }
        for operation in step.settled.iter().chain(&step.opened) {
            rows.push(put(OPERATION, operation_sort(operation.key), encode_operation(operation)));
        }
        if let Some(transfer) = &step.transfer {
            let row = encode_transfer(transfer);
            rows.push(put(TRANSFER, version_sort(version), row.clone()));
            rows.push(match transfer.resolves() {
                None => put(PENDING, operation_sort(transfer.operation()), row),
                Some(key) => self.statements.drop_row.bind(of_book(PENDING, operation_sort(key))),
            });
        }
        rows
    }

    fn statics(&self, seen: &Seen, version: u64, balance: &Balance) -> Bound {
        let sum = |sum| Some(CqlValue::Varint(number(sum)));
        self.statements.set_statics.bind(vec![
            Some(CqlValue::BigInt(i64::try_from(version).unwrap_or(i64::MAX))),
            sum(balance.held),
            sum(balance.captured),
            sum(balance.refunding),
            sum(balance.refunded),
            Some(book_key(seen.book.id)),
        ])
    }

    fn payment_row(&self, seen: &Seen, step: &Step, filed: Option<&Filed>) -> Bound {
        let payment = &step.payment;
        let own = |operation: &&crate::domain::Operation| operation.key == payment.operation();
        let newest = step.opened.as_ref().or(step.settled.as_ref()).filter(own);
        let newest = newest.or(seen.payment.as_ref().and_then(|kept: &Kept| kept.newest.as_ref()));
        // Zero where there is no work: a null would be a tombstone.
        let slice = filed.map_or(0, |filed| filed.slice);
        self.statements.put_payment.bind(vec![
            Some(book_key(seen.book.id)),
            blob(payment.id.0.as_bytes().to_vec()),
            blob(encode_payment(payment)),
            newest.map(|operation| CqlValue::Blob(encode_operation(operation))),
            Some(CqlValue::BigInt(slice)),
            Some(CqlValue::Text(payment.state.name().to_owned())),
            Some(CqlValue::BigInt(payment.amount.minor())),
        ])
    }

    /// A row of work.
    pub(super) fn put_work(&self, filed: &Filed) -> Bound {
        let Place { kind, slice, shard, sort, book } = filed.place();
        self.statements.put_work.bind(vec![
            Some(CqlValue::TinyInt(kind)),
            Some(CqlValue::BigInt(slice)),
            Some(CqlValue::TinyInt(shard)),
            blob(sort),
            Some(book_key(book)),
        ])
    }
}

fn blob(bytes: Vec<u8>) -> Option<CqlValue> {
    Some(CqlValue::Blob(bytes))
}
