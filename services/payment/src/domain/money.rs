//! Money: whole minor units of one currency. There are no fractions, so nothing is ever rounded.

use std::fmt;

use service_kit::error::Violation;
use thiserror::Error;

use super::Currency;

/// An amount of a currency, in its minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// Why two amounts do not make a third.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MoneyError {
    /// They are of different currencies.
    #[error("{left} and {right} cannot be mixed")]
    Mixed {
        /// The currency of the first amount, or the one that was asked for.
        left: Currency,
        /// The other currency.
        right: Currency,
    },
    /// The result has no room in 64 bits.
    #[error("the amount is too large")]
    Overflow,
}

impl Money {
    /// So many minor units of a currency.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads the minor units of an amount that may be paid.
    ///
    /// # Errors
    /// When they are not above zero.
    pub fn positive(field: &str, minor: i64) -> Result<i64, Violation> {
        if minor > 0 { Ok(minor) } else { Err(Self::not_positive(field)) }
    }

    /// What is wrong with an amount that is not above zero.
    pub(crate) fn not_positive(field: &str) -> Violation {
        Violation::new(field, "AMOUNT_NOT_POSITIVE", "must be above zero")
    }

    /// Whether it is above zero, and so may be paid.
    #[must_use]
    pub fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// The amount in the currency's minor unit.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// Both together.
    ///
    /// # Errors
    /// See [`MoneyError`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_add)
    }

    /// What is left of this amount without the other; below zero if the other is larger.
    ///
    /// # Errors
    /// See [`MoneyError`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.combine(other, i64::checked_sub)
    }

    fn combine(self, other: Self, f: fn(i64, i64) -> Option<i64>) -> Result<Self, MoneyError> {
        same(self.currency, other.currency)?;
        let minor = f(self.minor, other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// All amounts together, in minor units of `currency`. 128 bits hold the sum of 2^64 amounts, so that
    /// adding up a book never fails for its length.
    ///
    /// # Errors
    /// [`MoneyError::Mixed`] when one of them is of another currency.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<i128, MoneyError> {
        amounts.into_iter().try_fold(0_i128, |sum, amount| {
            same(currency, amount.currency)?;
            Ok(sum + i128::from(amount.minor))
        })
    }
}

fn same(left: Currency, right: Currency) -> Result<(), MoneyError> {
    if left == right { Ok(()) } else { Err(MoneyError::Mixed { left, right }) }
}

impl fmt::Display for Money {
    /// As people read it, such as `-0.05 EUR`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, units) = (if self.minor < 0 { "-" } else { "" }, self.minor.unsigned_abs());
        let width = usize::from(self.currency.exponent());
        // An exponent of ISO 4217 is at most 4; 10^19 still has room.
        match 10_u64.checked_pow(u32::from(self.currency.exponent())) {
            Some(scale) if width > 0 => {
                write!(f, "{sign}{}.{:0width$} {}", units / scale, units % scale, self.currency)
            }
            _ => write!(f, "{sign}{units} {}", self.currency),
        }
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.minor, self.currency)
    }
}

#[cfg(test)]
mod tests;
