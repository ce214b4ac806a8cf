//! What a store is asked to keep, and what it answers.

use mesh_events::Envelope;
use service_kit::requests::Request;
use thiserror::Error;

use crate::domain::{Balance, BookId, Broken, Operation, Payment, ProviderKey, Step, Transfer};

/// What is kept together or not at all.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The payment after the step, with the money that moves and the operations that end and begin.
    pub step: Step,
    /// What the step answers, if a caller asked for it. Remembered is the payment's newest operation, which
    /// is the one that the request began.
    pub request: Option<Request>,
    /// Told with it, if anybody is to be told.
    pub event: Option<Envelope>,
}

/// What a commit came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is kept, and the book has this version now.
    Now {
        /// The book's version.
        version: u64,
    },
    /// An earlier commit with the same request had begun this operation, and this one changed nothing.
    Before(ProviderKey),
}

/// A book as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Book {
    /// Which.
    pub id: BookId,
    /// One more with every commit; 0 when nothing was ever kept in it.
    pub version: u64,
    /// What its transfers add up to.
    pub balance: Balance,
}

/// A payment and all that the next step of it is made from, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The payment.
    pub payment: Payment,
    /// Its open operation.
    pub open: Option<Operation>,
    /// The version of its book, upon which a commit is conditional.
    pub version: u64,
}

/// One entry of a book's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The version of the book that the transfer made. Entries sort by it, and no two have the same.
    pub version: u64,
    /// The transfer.
    pub transfer: Transfer,
}

/// Why a store did not do it.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The book is no longer at the version that was expected: read again, decide again.
    #[error("the book changed since it was read")]
    Stale,
    /// The request's id was used for other content.
    #[error("the request id was used for another request")]
    RequestReused,
    /// The step does not follow from what is kept. It was made wrongly: repeating it is of no use.
    #[error("the step breaks a rule of the books")]
    Broken(#[source] Broken),
    /// Nothing was written: events of earlier changes could not be published for too long.
    #[error("events are not published for too long")]
    EventsBehind(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store cannot say. A commit may or may not have happened.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
