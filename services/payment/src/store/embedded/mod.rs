//! Payments on the embedded engine: every commit is one transaction, so a step, its event and the memory of
//! its request are there together or not at all.

mod apply;
mod reads;
mod tables;

use async_trait::async_trait;
use service_kit::{
    clock::{Clock, UnixMillis},
    embedded::{Engine, StorageError, WriteError},
    requests::{Request, embedded::look_up},
};

use super::{Applied, Book, Commit, Entry, PaymentStore, Standing, StoreError};
use crate::domain::{BookId, Operation, Payment, PaymentId, ProviderKey, UserId};

/// Payments on the embedded engine.
#[derive(Clone, Debug)]
pub struct EmbeddedStore {
    engine: Engine,
    clock: Clock,
}

impl EmbeddedStore {
    /// Payments on `engine`, in tables made now if they are new; `clock` decides when a remembered request
    /// has expired.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the tables cannot be made.
    pub async fn open(engine: Engine, clock: Clock) -> Result<Self, StoreError> {
        engine.write(|txn| tables::create(txn).map(Ok)).await.map_err(written)?;
        Ok(Self { engine, clock })
    }
}

#[async_trait]
impl PaymentStore for EmbeddedStore {
    async fn apply(&self, book: BookId, expected: u64, commit: Commit) -> Result<Applied, StoreError> {
        let now = self.clock.now();
        self.engine.write(move |txn| apply::apply(txn, book, expected, &commit, now)).await.map_err(written)
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Standing>, StoreError> {
        self.engine.read(move |txn| reads::payment(txn, id)).await.map_err(unread)
    }

    async fn payments(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        self.engine.read(move |txn| reads::payments(txn, user, before, limit)).await.map_err(unread)
    }

    async fn book(&self, id: BookId) -> Result<Book, StoreError> {
        self.engine.read(move |txn| reads::book(txn, id)).await.map_err(unread)
    }

    async fn entries(&self, book: BookId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.engine.read(move |txn| reads::entries(txn, book, after, limit)).await.map_err(unread)
    }

    async fn operation(&self, key: ProviderKey) -> Result<Option<Operation>, StoreError> {
        self.engine.read(move |txn| reads::operation(txn, key)).await.map_err(unread)
    }

    async fn open_operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        self.engine.read(move |txn| reads::open_operations(txn, after, limit)).await.map_err(unread)
    }

    async fn given_up(&self, after: Option<ProviderKey>, limit: usize) -> Result<Vec<Operation>, StoreError> {
        self.engine.read(move |txn| reads::given_up(txn, after, limit)).await.map_err(unread)
    }

    async fn books(&self, after: Option<BookId>, limit: usize) -> Result<Vec<Book>, StoreError> {
        self.engine.read(move |txn| reads::books(txn, after, limit)).await.map_err(unread)
    }

    async fn operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        self.engine.read(move |txn| reads::operations(txn, after, limit)).await.map_err(unread)
    }

    async fn lapsed(&self, now: UnixMillis, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.engine.read(move |txn| reads::lapsed(txn, now, limit)).await.map_err(unread)
    }

    async fn recall(&self, request: &Request) -> Result<Option<ProviderKey>, StoreError> {
        let (request, now) = (request.clone(), self.clock.now());
        let found = self.engine.read(move |txn| apply::answer(look_up(txn, &request, now)?)).await;
        found.map_err(unread)?
    }
}

/// What a job inside a transaction answers: a storage failure outside, the store's own refusal inside.
type Job<T> = Result<Result<T, StoreError>, redb::Error>;

fn written(error: WriteError<StoreError>) -> StoreError {
    match error {
        WriteError::Refused(refusal) => refusal,
        WriteError::Storage(error) => StoreError::Unavailable(error.into()),
    }
}

fn unread(error: StorageError) -> StoreError {
    StoreError::Unavailable(error.into())
}
