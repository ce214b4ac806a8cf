//! What every store asks of a commit before it keeps it.

use super::StoreError;
use crate::{
    domain::{Balance, Before, Step},
    seeded::seeded,
};

/// Whether what was made upon the version `expected` is made upon what is kept.
pub(super) fn is_current(kept: u64, expected: u64) -> Result<(), StoreError> {
    if kept == expected || is_unconditional() { Ok(()) } else { Err(StoreError::Stale) }
}

/// The book's balance after the step, if it follows from what is kept.
pub(super) fn balance_after(step: &Step, before: &Before<'_>) -> Result<Balance, StoreError> {
    match step.check(before) {
        Ok(balance) => Ok(balance),
        Err(_) if is_unconditional() => Ok(unjudged(before, step)),
        Err(broken) => Err(StoreError::Broken(broken)),
    }
}

/// Seeded bug, only with failpoints compiled in: whatever a step was made from, it is kept.
fn is_unconditional() -> bool {
    seeded("bug.unconditional-commit")
}

/// The book's balance with what the step says that it moved; for the seeded bug only.
fn unjudged(before: &Before<'_>, step: &Step) -> Balance {
    let (kept, own) =
        (before.payment.map(|payment| payment.balance).unwrap_or_default(), step.payment.balance);
    let with = |book: i128, kept: i128, own: i128| book + own - kept;
    Balance {
        held: with(before.balance.held, kept.held, own.held),
        captured: with(before.balance.captured, kept.captured, own.captured),
        refunding: with(before.balance.refunding, kept.refunding, own.refunding),
        refunded: with(before.balance.refunded, kept.refunded, own.refunded),
    }
}
