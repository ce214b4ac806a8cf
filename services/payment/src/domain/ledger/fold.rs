//! A ledger read from its first transfer to its last: the proof of a stored balance.

use std::collections::BTreeMap;

use super::{Balance, LedgerError, Transfer};
use crate::domain::{Currency, ProviderKey};

/// The transfers of one book, read in order. It holds what is pending, which is bounded by the payments that
/// are under way, and no transfer that is resolved.
#[derive(Clone, Debug)]
pub struct Ledger {
    currency: Currency,
    balance: Balance,
    pending: BTreeMap<ProviderKey, Transfer>,
}

impl Ledger {
    /// An empty ledger in a currency.
    #[must_use]
    pub fn new(currency: Currency) -> Self {
        Self { currency, balance: Balance::default(), pending: BTreeMap::new() }
    }

    /// Adds the next transfer.
    ///
    /// # Errors
    /// Why it cannot be there; the ledger is as before.
    pub fn push(&mut self, transfer: Transfer) -> Result<(), LedgerError> {
        if transfer.amount().currency() != self.currency {
            return Err(LedgerError::Mixed);
        }
        let key = transfer.resolves().unwrap_or(transfer.operation());
        self.balance = self.balance.after(&transfer, self.pending.get(&key))?;
        if transfer.resolves().is_some() {
            self.pending.remove(&key);
        } else {
            self.pending.insert(key, transfer);
        }
        Ok(())
    }

    /// What the transfers add up to.
    #[must_use]
    pub fn balance(&self) -> Balance {
        self.balance
    }

    /// The transfers that reserve money and are not resolved, by operation.
    #[must_use]
    pub fn pending(&self) -> &BTreeMap<ProviderKey, Transfer> {
        &self.pending
    }
}

#[cfg(test)]
mod tests;
