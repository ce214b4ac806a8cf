//! One movement of money.

use service_kit::clock::UnixMillis;
use thiserror::Error;
use uuid::Uuid;

use crate::domain::{Money, ProviderKey};

/// Names a transfer. The id follows from what the transfer is, so a second resolution of a pending transfer
/// would be the same row as the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(pub Uuid);

/// The accounts of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// The customer's money outside, behind the payment method.
    Customer,
    /// What was taken from the customer and not given back.
    Merchant,
}

/// Which way money moves. There is no third account, so no transfer can lead from an account to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the customer to the merchant.
    Charge,
    /// From the merchant to the customer.
    Refund,
}

/// What a transfer does about the money. Pending transfers are named by the operation they belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Reserves it.
    Pending,
    /// Moves it, up to what this pending transfer reserved; the rest is free again.
    Post(ProviderKey),
    /// Lets go of all that this pending transfer reserved.
    Void(ProviderKey),
}

/// One movement of money, or the reservation or release of one. It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    operation: ProviderKey,
    phase: Phase,
    direction: Direction,
    amount: Money,
    time: UnixMillis,
}

/// Nothing, or less, cannot be transferred.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a transfer must be of more than nothing")]
pub struct NotPositive;

impl Transfer {
    /// A transfer that the operation `operation` caused.
    ///
    /// # Errors
    /// When the amount is not above zero.
    pub fn new(
        operation: ProviderKey,
        phase: Phase,
        direction: Direction,
        amount: Money,
        time: UnixMillis,
    ) -> Result<Self, NotPositive> {
        if !amount.is_positive() {
            return Err(NotPositive);
        }
        Ok(Self { operation, phase, direction, amount, time })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> TransferId {
        let (operation, part) = match self.phase {
            Phase::Pending => (self.operation, "pending"),
            Phase::Post(pending) | Phase::Void(pending) => (pending, "resolved"),
        };
        TransferId(Uuid::new_v5(&operation.payment.0, format!("{}/{part}", operation.seq).as_bytes()))
    }

    /// The operation that caused it.
    #[must_use]
    pub fn operation(&self) -> ProviderKey {
        self.operation
    }

    /// What it does about the money.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The pending transfer that it resolves.
    #[must_use]
    pub fn resolves(&self) -> Option<ProviderKey> {
        match self.phase {
            Phase::Pending => None,
            Phase::Post(pending) | Phase::Void(pending) => Some(pending),
        }
    }

    /// Which way the money moves.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The account that loses it.
    #[must_use]
    pub fn debit(&self) -> Account {
        match self.direction {
            Direction::Charge => Account::Customer,
            Direction::Refund => Account::Merchant,
        }
    }

    /// The account that gains it.
    #[must_use]
    pub fn credit(&self) -> Account {
        match self.direction {
            Direction::Charge => Account::Merchant,
            Direction::Refund => Account::Customer,
        }
    }

    /// How much; always above zero.
    #[must_use]
    pub fn amount(&self) -> Money {
        self.amount
    }

    /// When.
    #[must_use]
    pub fn time(&self) -> UnixMillis {
        self.time
    }
}
