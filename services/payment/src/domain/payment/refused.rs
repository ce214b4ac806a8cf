//! Why a payment does not take a step.

use thiserror::Error;

use crate::domain::{MoneyError, Refusal};

/// Why a payment does not take a step.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refused {
    /// It cannot happen in the payment's state.
    #[error(transparent)]
    State(#[from] Refusal),
    /// The amount is of another currency.
    #[error("the amount does not fit the payment")]
    Money(#[from] MoneyError),
    /// Nothing, or less, cannot be paid.
    #[error("the amount must be above zero")]
    NotPositive,
    /// More would be taken than was authorized.
    #[error("the amount is above what was authorized")]
    AboveAuthorized,
    /// More would be given back than was taken and not given back yet.
    #[error("the amount is above what was captured and not refunded")]
    AboveCaptured,
    /// The authorization has expired.
    #[error("the authorization has expired")]
    Expired,
    /// The authorization has not expired.
    #[error("the authorization has not expired")]
    NotExpired,
    /// It is not the payment's open operation.
    #[error("the operation is not open")]
    NotOpen,
    /// The payment has had as many operations as a payment may have.
    #[error("the payment has had too many operations")]
    TooManyOperations,
}
