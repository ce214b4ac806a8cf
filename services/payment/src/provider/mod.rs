//! Whom the service asks to move money: what it relies on, in words that every provider must hold.
//!
//! - What is asked for under one key is done once, however often it is asked, and the answer is the same.
//! - `Ok` is what the provider's own books say. Anything else says nothing of what was done, except
//!   [`ProviderError::NotDone`], and that of this one call only: an answer that is not known is no outcome.
//! - What was done can be looked up by its key for ever, as soon as it was done.

mod grpc;

use async_trait::async_trait;
pub use grpc::GrpcProvider;
use thiserror::Error;

use crate::domain::{DeclineCode, Money, Operation, OperationKind, PaymentMethod, ProviderKey};

/// Moves money.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Asks for the operation, under its key. To ask again is safe, and the only way to go on when the answer
    /// did not come and [`Provider::lookup`] finds nothing.
    ///
    /// # Errors
    /// See [`ProviderError`].
    async fn execute(&self, operation: &Operation, method: &PaymentMethod) -> Result<Answer, ProviderError>;

    /// What was done under the key; `None` if nothing was yet.
    ///
    /// # Errors
    /// [`ProviderError::Unknown`].
    async fn lookup(&self, key: ProviderKey) -> Result<Option<Transaction>, ProviderError>;

    /// A page of everything that was done, in the order in which it was, from the one after `cursor`.
    ///
    /// # Errors
    /// [`ProviderError::Unknown`].
    async fn list(&self, cursor: Option<String>) -> Result<Page, ProviderError>;
}

/// What a provider says of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Settled,
    /// It was refused, for good.
    Declined(DeclineCode),
    /// It was taken on and is not decided: it will be told, and can be looked up.
    Pending,
}

/// An operation in the provider's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Its key; whatever text it is, since it may not be ours.
    pub key: String,
    /// What was asked for.
    pub kind: OperationKind,
    /// How much of it.
    pub amount: Money,
    /// How it went.
    pub answer: Answer,
}

impl Transaction {
    /// What the transaction says of `operation`.
    ///
    /// # Errors
    /// [`ProviderError::Contradiction`] when it is another operation, or one of another kind or amount: then it
    /// says nothing of what was asked for.
    pub fn answer_to(&self, operation: &Operation) -> Result<Answer, ProviderError> {
        let is_asked = self.key == operation.key.to_string()
            && (self.kind, self.amount) == (operation.kind, operation.amount);
        if is_asked {
            return Ok(self.answer.clone());
        }
        Err(ProviderError::Contradiction(format!(
            "{:?} of {} under {} instead of {:?} of {} under {}",
            self.kind,
            self.amount,
            visible(&self.key),
            operation.kind,
            operation.amount,
            operation.key,
        )))
    }
}

/// The most of a provider's text that is told, in characters.
const TOLD: usize = 128;

/// What of a provider's text can be told: anybody may have written it, and it goes to the log.
fn visible(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(TOLD).collect()
}

/// A page of the provider's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// In the order in which they were done.
    pub transactions: Vec<Transaction>,
    /// What is listed too and makes no sense: apart, so that one of them does not hide all the others.
    pub unreadable: Vec<Unreadable>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

/// Something in the provider's books that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its key, as far as it has one; whatever text it is.
    pub key: String,
    /// What is wrong with it, in a few words.
    pub why: String,
}

impl Page {
    /// Whether nothing is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty() && self.unreadable.is_empty()
    }

    /// The keys of everything on it, readable or not.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let readable = self.transactions.iter().map(|transaction| &transaction.key);
        readable.chain(self.unreadable.iter().map(|unreadable| &unreadable.key)).map(String::as_str)
    }
}

/// Why a provider did not answer.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// The operation is not possible by the provider's books. It was not done by this call and never will be; an
    /// earlier one may have done it.
    #[error("the provider cannot do this: {0}")]
    NotDone(String),
    /// The provider says that it did something else under the operation's key. What was asked for was not done and
    /// cannot be under this key, and money may have moved: the operation must be given up, so that somebody looks.
    #[error("the provider did something else under this key: {0}")]
    Contradiction(String),
    /// The provider did not answer, or not in time. It may have done it or not.
    #[error("the provider did not answer")]
    Unknown(#[source] Box<dyn std::error::Error + Send + Sync>),
}
