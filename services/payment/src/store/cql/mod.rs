//! Payments on a CQL cluster (ScyllaDB, Apache Cassandra).
//!
//! A book is one partition, and a commit is one conditional write on it (`service_kit::cql::commit`): the step, its
//! event and the memory of its request are there together or not at all. Everything outside the partition is a
//! pointer into it: written before the commit that makes it true, repeated at will, and believed only together with
//! the book. So nothing has to be done after a commit, and what a crash leaves points to nothing and is passed over.
//!
//! What must be driven is found through rows of work, which are the only ones that come and go.

mod apply;
mod book;
mod claim;
mod error;
mod keys;
mod lists;
mod page;
mod statements;
mod work;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use service_kit::{
    clock::{Clock, UnixMillis},
    cql::{
        Cql, CqlError, Migration, Statement,
        commit::{self, CommitConfig, Commits, CqlOutbox, Recalled, Table},
    },
    requests::Request,
};

use self::{
    statements::Statements,
    work::{Kind, Slices},
};
use super::{Applied, Book, Commit, Entry, PaymentStore, Standing, StoreError, records::decode_key};
use crate::domain::{BookId, Operation, Payment, PaymentId, ProviderKey, UserId};

/// The table of the books, as the commit protocol knows it.
const TABLE: Table = Table { name: "payment_book", key: "book" };

/// The tables of this service.
pub const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "payment",
    text: include_str!("../../../migrations/0001_payments.cql"),
    scylla: Some(include_str!("../../../migrations/0001_payments.scylla.cql")),
}];

/// Payments on a CQL cluster. Clones share the session.
#[derive(Clone, Debug)]
pub struct CqlStore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    cql: Cql,
    commits: Commits,
    statements: Statements,
    slices: Slices,
    clock: Clock,
}

impl CqlStore {
    /// Payments in the keyspace of `cql`, in tables made now if they are new; `clock` decides when a remembered
    /// request has expired, and in which minute work is filed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the tables cannot be made, or are not the ones that this program knows.
    pub async fn open(cql: Cql, clock: Clock, config: CommitConfig) -> Result<Self, StoreError> {
        cql.migrate(commit::MIGRATIONS).await.map_err(error::unavailable)?;
        cql.migrate(MIGRATIONS).await.map_err(error::unavailable)?;
        let statements = Statements::prepare(&cql).await?;
        let commits = Commits::open(cql.clone(), clock.clone(), config, TABLE).await?;
        Ok(Self(Arc::new(Shared { cql, commits, statements, slices: Slices::default(), clock })))
    }

    /// The events of what was committed, for a relay.
    #[must_use]
    pub fn outbox(&self) -> CqlOutbox {
        self.0.commits.outbox()
    }
}

impl Shared {
    /// All rows of an answer.
    async fn read<T>(
        &self,
        statement: &Statement,
        values: impl scylla::serialize::row::SerializeRow,
    ) -> Result<Vec<T>, CqlError>
    where
        T: for<'frame, 'metadata> scylla::deserialize::row::DeserializeRow<'frame, 'metadata>,
    {
        let answer = self.cql.rows(statement, values).await?;
        let rows = answer.rows::<T>().map_err(CqlError::unexpected)?;
        rows.map(|row| row.map_err(CqlError::unexpected)).collect()
    }
}

#[async_trait]
impl PaymentStore for CqlStore {
    async fn apply(&self, book: BookId, expected: u64, commit: Commit) -> Result<Applied, StoreError> {
        self.0.apply(book, expected, &commit).await
    }

    async fn payment(&self, id: PaymentId) -> Result<Option<Standing>, StoreError> {
        self.0.standing(id).await
    }

    async fn payments(
        &self,
        user: UserId,
        before: Option<PaymentId>,
        limit: usize,
    ) -> Result<Vec<Payment>, StoreError> {
        self.0.payments(user, before, limit).await
    }

    async fn book(&self, id: BookId) -> Result<Book, StoreError> {
        self.0.book(id).await
    }

    async fn entries(&self, book: BookId, after: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.0.entries(book, after, limit).await
    }

    async fn operation(&self, key: ProviderKey) -> Result<Option<Operation>, StoreError> {
        self.0.operation(key).await
    }

    async fn open_operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        self.0.work_of_operations(Kind::Open, after, limit).await
    }

    async fn given_up(&self, after: Option<ProviderKey>, limit: usize) -> Result<Vec<Operation>, StoreError> {
        self.0.work_of_operations(Kind::GivenUp, after, limit).await
    }

    async fn books(&self, after: Option<BookId>, limit: usize) -> Result<Vec<Book>, StoreError> {
        self.0.books(after, limit).await
    }

    async fn operations(
        &self,
        after: Option<ProviderKey>,
        limit: usize,
    ) -> Result<Vec<Operation>, StoreError> {
        self.0.operations(after, limit).await
    }

    async fn lapsed(&self, now: UnixMillis, limit: usize) -> Result<Vec<PaymentId>, StoreError> {
        self.0.lapsed(now, limit).await
    }

    async fn recall(&self, request: &Request) -> Result<Option<ProviderKey>, StoreError> {
        answer(self.0.commits.recall(request).await?)
    }
}

/// What is known of a request, as the operation that it began.
fn answer(recalled: Recalled) -> Result<Option<ProviderKey>, StoreError> {
    match recalled {
        Recalled::New => Ok(None),
        Recalled::Reused => Err(StoreError::RequestReused),
        Recalled::Answered(row) => Ok(Some(decode_key(&row)?)),
    }
}
