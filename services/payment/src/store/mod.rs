//! Where payments are kept: what the service relies on, in words that every backend must hold.
//!
//! - `Ok` of [`PaymentStore::apply`] means durable: all of the commit survives `kill -9` and power loss, and
//!   its event will be delivered at least once. Anything else means that nothing of it is kept, except
//!   `Err(Unavailable)`, which may mean either; the same commit finds out, by its request or, if it has none,
//!   because it is now stale.
//! - Commits on one book happen one after the other, each on the version that it names. So whatever a step was
//!   made from is still true when it is kept, and two that were made from the same state cannot both be.
//! - A step is judged once more by what is kept ([`Step::check`](crate::domain::Step::check)): no caller can
//!   make the books wrong.
//! - What must be driven on (open operations, authorizations to be released) or looked at (operations that were
//!   given up) is found in rows that were written with the commit that made it so. Nothing is found by scanning
//!   payments.
//! - Reads see every commit that was answered before they began.
//!
//! One conformance suite (`tests/it/conformance`) holds every backend to this.

mod commands;
pub mod cql;
pub mod embedded;
mod judge;
mod records;

use async_trait::async_trait;
pub use commands::{Applied, Book, Commit, Entry, Standing, StoreError};
use service_kit::{clock::UnixMillis, requests::Request};

use crate::domain::{BookId, Operation, Payment, PaymentId, ProviderKey, UserId};

/// Keeps payments.
#[async_trait]
pub trait PaymentStore: Send + Sync + 'static {
    /// Keeps the commit, if the book is still at the version `expected` (0 for a book that is empty): the
    /// payment, its transfer, its operations, the memory of its request and its event, all or nothing.
    ///
    /// A request that was answered before is looked up first: then the book's version does not matter.
    ///
    /// # Errors
    /// See [`StoreError`].
    async fn apply(&self, book: BookId, expected: u64, commit: Commit) -> Result<Applied, StoreError>;

    /// The payment of this id, and what its next step is made from.
    async fn payment(&self, id: PaymentId) -> Result<Option<Standing>, StoreError>;

    /// Up to `limit` payments of a user in all currencies, newest first, from the one before `before`.
    async fn payments(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError>;

    /// The book; an empty one at version 0 if nothing was ever kept in it.
    async fn book(&self, id: BookId) -> Result<Book, StoreError>;

    /// Up to `limit` entries of the book's ledger, oldest first, from the one after the version `after` (0
    /// for the first).
    async fn entries(&self, book: BookId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// The operation of this name, open or ended.
    async fn operation(&self, key: ProviderKey) -> Result<Option<Operation>, StoreError>;

    /// Up to `limit` open operations in the order of their keys, from the one after `after`: those that are to
    /// be driven, so none that was given up.
    async fn open_operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError>;

    /// Up to `limit` operations that were given up and not taken up again, in the order of their keys, from the
    /// one after `after`: the open operations of payments in
    /// [`NeedsReconciliation`](crate::domain::State::NeedsReconciliation).
    async fn given_up(&self, after: Option<ProviderKey>, limit: usize) -> Result<Vec<Operation>, StoreError>;

    /// Up to `limit` books in which something was ever kept, in the order of user and currency, from the one
    /// after `after`. It scans: for proving the books, not for serving.
    async fn books(&self, after: Option<BookId>, limit: usize) -> Result<Vec<Book>, StoreError>;

    /// Up to `limit` operations, open and ended, in the order of their keys, from the one after `after`. It
    /// scans, too.
    async fn operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError>;

    /// Up to `limit` payments whose authorization must be released by `now`, the longest overdue first.
    async fn lapsed(&self, now: UnixMillis, limit: usize) -> Result<Vec<PaymentId>, StoreError>;

    /// The operation that this request began, if it is still remembered.
    ///
    /// # Errors
    /// [`StoreError::RequestReused`] if the request was made with other content.
    async fn recall(&self, request: &Request) -> Result<Option<ProviderKey>, StoreError>;
}
