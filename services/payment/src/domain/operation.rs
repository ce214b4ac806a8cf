//! What the provider is asked for.

use std::{fmt, str::FromStr};

use service_kit::clock::UnixMillis;
use thiserror::Error;
use uuid::Uuid;

use super::{Money, PaymentId};

/// What a provider can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperationKind {
    /// To hold money.
    Authorize,
    /// To take money that is held, and let go of the rest.
    Capture,
    /// To let go of money that is held.
    Void,
    /// To give money back that was taken.
    Refund,
}

/// The provider's name for one operation, `payment_id:op_seq`. An operation has one key for ever: whatever
/// repeats it uses the same one, so that the provider does it once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderKey {
    /// The payment.
    pub payment: PaymentId,
    /// The operation's number within the payment, from 1 without gaps.
    pub seq: u32,
}

/// A text is no provider key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("no provider key; expected payment_id:op_seq")]
pub struct InvalidProviderKey;

/// Why a provider refused, in its own words: visible ASCII, cut at 64 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclineCode(String);

/// How an operation ended. An answer that is not known is no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The provider did it.
    Settled,
    /// The provider refused it.
    Declined(DeclineCode),
    /// The provider did not do it and never will, for a reason that is not the customer's.
    Failed,
}

/// An operation, as it is kept before the provider is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub key: ProviderKey,
    /// What is asked for.
    pub kind: OperationKind,
    /// How much of it.
    pub amount: Money,
    /// When it was decided.
    pub begun: UnixMillis,
    /// How it ended; nothing as long as that is not known.
    pub outcome: Option<Outcome>,
}

impl Operation {
    /// Whether its outcome must still be found out.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outcome.is_none()
    }
}

impl DeclineCode {
    /// The code of a provider's answer.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self(code.chars().filter(char::is_ascii_graphic).take(64).collect())
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ProviderKey {
    type Err = InvalidProviderKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (payment, seq) = text.split_once(':').ok_or(InvalidProviderKey)?;
        let payment = PaymentId(Uuid::try_parse(payment).map_err(|_| InvalidProviderKey)?);
        let key = Self { payment, seq: seq.parse().map_err(|_| InvalidProviderKey)? };
        // One operation has one name: "+1" and "01" are not other ways to write it.
        if key.to_string() == text { Ok(key) } else { Err(InvalidProviderKey) }
    }
}

impl fmt::Display for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.payment, self.seq)
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling() {
        let key = ProviderKey { payment: PaymentId(Uuid::from_u128(7)), seq: 12 };
        assert_eq!(key.to_string(), "00000000-0000-0000-0000-000000000007:12");
        assert_eq!(key.to_string().parse(), Ok(key));
        let payment = key.payment;
        for wrong in
            [format!("{payment}"), format!("{payment}:"), format!("{payment}:+1"), format!("{payment}:01")]
        {
            assert_eq!(wrong.parse::<ProviderKey>(), Err(InvalidProviderKey), "{wrong}");
        }
    }

    #[test]
    fn a_decline_code_is_short_and_visible() {
        assert_eq!(DeclineCode::new("card\n expired ö").as_str(), "cardexpired");
        assert_eq!(DeclineCode::new(&"x".repeat(100)).as_str().len(), 64);
    }
}
