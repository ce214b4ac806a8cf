//! What transfers add up to.

use thiserror::Error;

use super::{Account, Direction, Phase, Transfer};

/// What transfers add up to, in minor units of their currency. Sums have 128 bits: no book is too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Reserved from the customer, not taken yet.
    pub held: i128,
    /// Taken from the customer, in all.
    pub captured: i128,
    /// Reserved to be given back.
    pub refunding: i128,
    /// Given back, in all.
    pub refunded: i128,
}

/// Why a transfer cannot be.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LedgerError {
    /// The operation reserved money before.
    #[error("the operation has a pending transfer already")]
    PendingTwice,
    /// Nothing is pending under the name that it resolves, or it was resolved before.
    #[error("there is no such pending transfer to resolve")]
    NotPending,
    /// It moves money another way, or other money, than was reserved.
    #[error("the transfer does not fit the pending one that it resolves")]
    OtherThanPending,
    /// It moves more than was reserved.
    #[error("more than the pending transfer reserved")]
    AbovePending,
    /// It would give back more than there is.
    #[error("more than was captured would be given back")]
    AboveCaptured,
    /// It is of another currency than the book.
    #[error("the transfer is of another currency")]
    Mixed,
}

impl Balance {
    /// What may still be given back: taken, and neither given back nor reserved for that.
    #[must_use]
    pub fn available(&self) -> i128 {
        self.captured - self.refunded - self.refunding
    }

    /// What an account gained, less what it lost. Over all accounts that is zero.
    #[must_use]
    pub fn posted(&self, account: Account) -> i128 {
        match account {
            Account::Customer => self.refunded - self.captured,
            Account::Merchant => self.captured - self.refunded,
        }
    }

    /// The balance with one more transfer. `pending` is the unresolved pending transfer that it resolves, or
    /// the one that its own operation made before.
    ///
    /// # Errors
    /// Why the transfer cannot be.
    pub fn after(&self, transfer: &Transfer, pending: Option<&Transfer>) -> Result<Self, LedgerError> {
        let amount = i128::from(transfer.amount().minor());
        let mut after = *self;
        let (reserved, moved) = after.side(transfer.direction());
        match (transfer.phase(), pending) {
            (Phase::Pending, None) => *reserved += amount,
            (Phase::Pending, Some(_)) => return Err(LedgerError::PendingTwice),
            (_, None) => return Err(LedgerError::NotPending),
            (phase, Some(pending)) => {
                let whole = i128::from(pending.amount().minor());
                fits(transfer, pending)?;
                *reserved -= whole;
                if matches!(phase, Phase::Post(_)) {
                    *moved += amount;
                }
            }
        }
        if after.available() < 0 { Err(LedgerError::AboveCaptured) } else { Ok(after) }
    }

    /// What is reserved and what has moved in this direction.
    fn side(&mut self, direction: Direction) -> (&mut i128, &mut i128) {
        match direction {
            Direction::Charge => (&mut self.held, &mut self.captured),
            Direction::Refund => (&mut self.refunding, &mut self.refunded),
        }
    }
}

/// Whether `transfer` may resolve `pending`.
fn fits(transfer: &Transfer, pending: &Transfer) -> Result<(), LedgerError> {
    let is_named = transfer.resolves() == Some(pending.operation()) && pending.phase() == Phase::Pending;
    let is_same = transfer.operation().payment == pending.operation().payment
        && transfer.direction() == pending.direction()
        && transfer.amount().currency() == pending.amount().currency();
    // Letting go of a part would leave the rest reserved by nobody.
    let is_whole = transfer.amount() == pending.amount() || matches!(transfer.phase(), Phase::Post(_));
    if !(is_named && is_same && is_whole) {
        return Err(LedgerError::OtherThanPending);
    }
    if transfer.amount().minor() > pending.amount().minor() {
        return Err(LedgerError::AbovePending);
    }
    Ok(())
}
