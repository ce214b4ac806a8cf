//! What can be asked about payments.

use super::Payments;
use crate::{
    domain::{BookId, Payment, PaymentId, UserId},
    error::Error,
    store::{Book, Entry},
};

impl Payments {
    /// The payment of this id.
    ///
    /// # Errors
    /// [`Error::PaymentNotFound`], [`Error::Unavailable`].
    pub async fn get(&self, id: PaymentId) -> Result<Payment, Error> {
        let found = self.store.payment(id).await?;
        found.map(|at| at.payment).ok_or(Error::PaymentNotFound(id))
    }

    /// Up to `limit` payments of a user before `before`, newest first, and whether there are more.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<(Vec<Payment>, bool), Error> {
        Ok(page(self.store.payments(user, before, limit + 1).await?, limit))
    }

    /// Up to `limit` entries of a book's ledger after the version `after`, oldest first, and whether there are
    /// more.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn entries(&self, book: BookId, after: u64, limit: usize) -> Result<(Vec<Entry>, bool), Error> {
        Ok(page(self.store.entries(book, after, limit + 1).await?, limit))
    }

    /// The book as it is now.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn balance(&self, book: BookId) -> Result<Book, Error> {
        Ok(self.store.book(book).await?)
    }
}

fn page<T>(mut items: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let more = items.len() > limit;
    items.truncate(limit);
    (items, more)
}
