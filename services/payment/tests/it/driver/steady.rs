//! A store for tokio's paused clock, which goes on whenever nobody has anything to do: also while the store's own
//! threads work, of which it knows nothing. Here it stands still as long as they do.

use async_trait::async_trait;
use payment::{
    domain::{BookId, Operation, Payment, PaymentId, ProviderKey, UserId},
    store::{Applied, Book, Commit, Entry, PaymentStore, Standing, StoreError, embedded::EmbeddedStore},
};
use service_kit::{clock::UnixMillis, requests::Request};

/// A store under which the clock stands still while it works.
pub(crate) struct Steady(pub(crate) EmbeddedStore);

/// Does `work` while the clock stands still: it does as long as a blocking task runs.
async fn still<T>(work: impl Future<Output = T>) -> T {
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let blocking = tokio::task::spawn_blocking(move || wait.recv());
    let result = work.await;
    drop(done);
    blocking.await.unwrap().unwrap_err();
    result
}

#[async_trait]
impl PaymentStore for Steady {
    async fn apply(&self, book: BookId, expected: u64, commit: Commit) -> Result<Applied, StoreError> {
        still(self.0.apply(book, expected, commit)).await
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Standing>, StoreError> {
        still(self.0.payment(id)).await
    }

    async fn payments(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        still(self.0.payments(user, before, limit)).await
    }

    async fn book(&self, id: BookId) -> Result<Book, StoreError> {
        still(self.0.book(id)).await
    }

    async fn entries(&self, book: BookId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        still(self.0.entries(book, after, limit)).await
    }

    async fn operation(&self, key: ProviderKey) -> Result<Option<Operation>, StoreError> {
        still(self.0.operation(key)).await
    }

    async fn open_operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        still(self.0.open_operations(after, limit)).await
    }

    async fn given_up(&self, after: Option<ProviderKey>, limit: usize) -> Result<Vec<Operation>, StoreError> {
        still(self.0.given_up(after, limit)).await
    }

    async fn books(&self, after: Option<BookId>, limit: usize) -> Result<Vec<Book>, StoreError> {
        still(self.0.books(after, limit)).await
    }

    async fn operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        still(self.0.operations(after, limit)).await
    }

    async fn lapsed(&self, now: UnixMillis, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        still(self.0.lapsed(now, limit)).await
    }

    async fn recall(&self, request: &Request) -> Result<Option<ProviderKey>, StoreError> {
        still(self.0.recall(request)).await
    }
}
