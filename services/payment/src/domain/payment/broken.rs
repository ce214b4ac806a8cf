//! What is wrong with a step that must not be kept.

use thiserror::Error;

use crate::domain::{LedgerError, Refusal};

/// What is wrong with a step that must not be kept. Steps that a [`Payment`](super::Payment) made, kept upon
/// the state they were made from, never are; this is the last line of defence.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Broken {
    /// The payment is not the next version of what is kept, or something changed that never may.
    #[error("the step does not follow from the payment that is kept")]
    NotTheNext,
    /// An event cannot happen in the state that is kept.
    #[error("the step takes a transition that does not exist")]
    Transition(#[source] Refusal),
    /// The events lead to another state than the step's, or there are none.
    #[error("the events do not lead to the state of the step")]
    OtherState,
    /// The events begin or end another operation than the step.
    #[error("the operations do not follow from the events")]
    Operations,
    /// The events demand another transfer than the step's.
    #[error("the transfer does not follow from the events")]
    Transfer,
    /// The ledger cannot hold the transfer.
    #[error("the ledger cannot hold the transfer")]
    Ledger(#[source] LedgerError),
    /// The transfers add up to something else than the step says, or to more than was authorized.
    #[error("the transfers do not add up to the payment's balance")]
    Balance,
}
