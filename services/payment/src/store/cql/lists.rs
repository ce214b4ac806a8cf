//! Lists: what an index names, as the books have it.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::{
    Shared,
    book::cql_limit,
    keys::{book_id, day},
    page::{Page, merged},
    work::DAYS,
};
use crate::{
    domain::{BookId, Currency, Operation, Payment, PaymentId, ProviderKey, UserId},
    store::{Book, StoreError, records::RecordError},
};

/// Books read at once.
const READING: usize = 16;

/// Payments whose operations are read before it is seen whether there are enough.
const PAYMENTS: usize = 64;

/// Payments of one book that are asked for in one read.
const TOGETHER: usize = 100;

impl Shared {
    pub(super) async fn payments(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        let mut before = before.map_or(Uuid::max(), |id| id.0);
        let mut found = Vec::new();
        while found.len() < limit {
            let want = limit - found.len();
            let rows: Vec<(Uuid, String)> =
                self.read(&self.statements.by_user, (user.0, before, cql_limit(want))).await?;
            let is_last = rows.len() < want;
            let Some((last, _)) = rows.last() else { break };
            before = *last;
            found.extend(self.named(user, rows).await?);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// The payments that these rows name, newest first. What a row names may not be there.
    async fn named(&self, user: UserId, rows: Vec<(Uuid, String)>) -> Result<Vec<Payment>, StoreError> {
        let mut of_books = BTreeMap::<String, Vec<PaymentId>>::new();
        for (id, code) in rows {
            of_books.entry(code).or_default().push(PaymentId(id));
        }
        let mut found = BTreeMap::new();
        for (code, ids) in of_books {
            let currency = Currency::restore(&code).ok_or_else(|| RecordError::new("unknown currency"))?;
            for ids in ids.chunks(TOGETHER) {
                let kept = self.kept(BookId { user, currency }, ids).await?;
                found.extend(kept.into_iter().map(|kept| (kept.payment.id, kept.payment)));
            }
        }
        Ok(found.into_values().rev().collect())
    }

    pub(super) async fn books(&self, after: Option<BookId>, limit: usize) -> Result<Vec<Book>, StoreError> {
        // Keys sort as user and currency do; below all of them is no text at all.
        let mut after = after.map_or_else(String::new, |book| book.to_string());
        let mut found = Vec::new();
        while found.len() < limit {
            let above = &after;
            let page = merged(limit - found.len(), |shard, limit| async move {
                let rows: Vec<(String,)> = self.read(&self.statements.books, (shard, above, limit)).await?;
                Ok(rows.into_iter().map(|(book,)| book).collect())
            });
            let Page { rows, is_cut } = page.await?;
            let Some(last) = rows.last().cloned() else { break };
            let books = stream::iter(rows).map(|key| async move { self.book(book_id(&key)?).await });
            let books: Vec<_> = books.buffered(READING).try_collect().await?;
            found.extend(books.into_iter().filter(|book| book.version > 0));
            after = last;
            if !is_cut {
                break;
            }
        }
        Ok(found)
    }

    pub(super) async fn operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        let mut found = Vec::new();
        let mut above = Uuid::nil();
        if let Some(after) = after {
            // The rest of the payment where the last page ended.
            for book in self.homes(after.payment).await? {
                found.extend(self.operations_of(book, after, limit).await?);
            }
            above = after.payment.0;
        }
        for day in self.slices(DAYS, day(PaymentId(above)), i64::MAX).await? {
            loop {
                if found.len() >= limit {
                    found.truncate(limit);
                    return Ok(found);
                }
                let Page { rows, is_cut } = self.payments_of_day(day, above).await?;
                let Some((last, _)) = rows.last() else { break };
                above = *last;
                let operations = stream::iter(rows).map(|(id, book)| async move {
                    let first = ProviderKey { payment: PaymentId(id), seq: 0 };
                    self.operations_of(book_id(&book)?, first, limit).await
                });
                let operations: Vec<_> = operations.buffered(READING).try_collect().await?;
                found.extend(operations.into_iter().flatten());
                if !is_cut {
                    break;
                }
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Some payments whose ids are of a day and above an id, and their books.
    async fn payments_of_day(&self, day: i64, above: Uuid) -> Result<Page<(Uuid, String)>, StoreError> {
        let read = |shard, limit| async move {
            let rows: Vec<(Uuid, String)> =
                self.read(&self.statements.payments_of_day, (day, shard, above, limit)).await?;
            Ok(rows)
        };
        merged(PAYMENTS, read).await
    }
}

#[cfg(test)]
mod tests {
    use super::{super::keys::book_shard, *};

    #[test]
    fn keys_of_books_sort_as_user_and_currency_do() {
        let book = |user, code| BookId {
            user: UserId(Uuid::from_u128(user)),
            currency: Currency::restore(code).unwrap(),
        };
        let books = [book(1, "EUR"), book(1, "USD"), book(2, "EUR"), book(10, "EUR"), book(u128::MAX, "EUR")];
        assert!(books.map(|book| book.to_string()).is_sorted());
        assert_ne!(book_shard(books[0]), book_shard(books[2]), "users are spread");
        assert_eq!(book_shard(books[0]), book_shard(books[1]));
    }
}
