//! What things are called.

use std::fmt;

use service_kit::{clock::UnixMillis, error::Violation};
use uuid::Uuid;

use super::Currency;

/// Names a payment. Ids sort by the time the payment was created at.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(pub Uuid);

impl PaymentId {
    /// The id of a payment created at `now`: a UUIDv7 (RFC 9562) of this time and 74 of the random bits.
    #[must_use]
    pub fn at(now: UnixMillis, random: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(now.0, &random).into_uuid())
    }

    /// Reads an id.
    ///
    /// # Errors
    /// When the text is not a UUID.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let read = Uuid::try_parse(text).map(Self);
        read.map_err(|_| Violation::new(field, "PAYMENT_ID_INVALID", "must be a UUID"))
    }

    /// The event `name` that tells of this payment's `version`, always under the same id.
    #[must_use]
    pub fn event_id(self, name: &str, version: u64) -> Uuid {
        Uuid::new_v5(&self.0, format!("{name}/{version}").as_bytes())
    }
}

/// Names a user, who is known to the user service.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub Uuid);

impl UserId {
    /// Reads an id.
    ///
    /// # Errors
    /// When the text is not a UUID.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let read = Uuid::try_parse(text).map(Self);
        read.map_err(|_| Violation::new(field, "USER_ID_INVALID", "must be a UUID"))
    }
}

/// Names a book: all that one user pays in one currency. It is the unit of change and of balance, so that
/// currencies are never mixed and users never wait for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BookId {
    /// Whose.
    pub user: UserId,
    /// In which currency.
    pub currency: Currency,
}

impl fmt::Display for BookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}", self.user, self.currency)
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_payment_sorts_later() {
        let earlier = PaymentId::at(UnixMillis(1_700_000_000_000), [255; 10]);
        let later = PaymentId::at(UnixMillis(1_700_000_000_001), [0; 10]);
        assert!(earlier < later);
        assert_eq!(PaymentId::parse("id", &later.to_string()), Ok(later));
        assert_eq!(PaymentId::parse("id", "7").unwrap_err().reason, "PAYMENT_ID_INVALID");
        assert_eq!(UserId::parse("id", "7").unwrap_err().reason, "USER_ID_INVALID");
    }

    #[test]
    fn an_event_has_one_id_for_ever() {
        let id = PaymentId::at(UnixMillis(7), [1; 10]);
        assert_eq!(id.event_id("payment.captured", 2), id.event_id("payment.captured", 2));
        assert_ne!(id.event_id("payment.captured", 2), id.event_id("payment.captured", 3));
    }
}
