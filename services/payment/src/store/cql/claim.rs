//! Which book an id belongs to.
//!
//! Ids have 74 random bits, so two books never want the same one unless something is wrong; but then both must not
//! get it. Whoever creates a payment puts its home beside whatever homes are there, and looks before it commits: of
//! two who do that at once at least one sees the other. It looks into the other's book; is the payment not there, it
//! fences that book, so that a commit under way there fails and has to look again, too.

use scylla::value::CqlValue;
use service_kit::cql::Bound;

use super::{
    Shared,
    keys::{book_id, book_key},
};
use crate::{
    domain::{BookId, PaymentId},
    store::StoreError,
};

impl Shared {
    /// The books that want the id, of which one at most has it.
    pub(super) async fn homes(&self, id: PaymentId) -> Result<Vec<BookId>, StoreError> {
        let rows: Vec<(String,)> = self.read(&self.statements.homes, (id.0,)).await?;
        rows.into_iter().map(|(book,)| Ok(book_id(&book)?)).collect()
    }

    /// The book's claim of the id.
    pub(super) fn home(&self, book: BookId, id: PaymentId) -> Bound {
        self.statements.put_home.bind(vec![Some(CqlValue::Uuid(id.0)), Some(book_key(book))])
    }

    /// Whether another book has the id. Afterwards none can get it before it sees this book's claim, which must
    /// have been written before.
    pub(super) async fn is_taken(&self, book: BookId, id: PaymentId) -> Result<bool, StoreError> {
        for other in self.homes(id).await? {
            if other == book {
                continue;
            }
            if self.kept_one(other, id).await?.is_some() {
                return Ok(true);
            }
            self.commits.fence(&book_key(other)).await?;
            if self.kept_one(other, id).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
