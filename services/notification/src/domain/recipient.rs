//! Where a notification goes.

use service_kit::error::Violation;

/// The longest address, in characters.
const MAX_LENGTH: usize = 254;

/// A mail address that is safe to put into a message. Whether anybody reads it, only sending shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient(String);

impl Recipient {
    /// Reads an address; white space around it is dropped.
    ///
    /// # Errors
    /// When it has not exactly one @ with something on both sides, is too long, or contains white space or
    /// control characters, which could smuggle a header into a message.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let address = text.trim();
        let sides = address
            .split_once('@')
            .filter(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        let clean = !address.chars().any(|c| c.is_whitespace() || c.is_control());
        if sides.is_some() && clean && address.chars().count() <= MAX_LENGTH {
            Ok(Self(address.to_owned()))
        } else {
            Err(Violation::new(
                field,
                "RECIPIENT_INVALID",
                "must be a mail address of at most 254 characters",
            ))
        }
    }

    /// An address that [`Recipient::parse`] accepted before, as a store kept it.
    #[must_use]
    pub fn restore(address: String) -> Self {
        Self(address)
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_cannot_carry_a_header() {
        assert_eq!(Recipient::parse("r", " a@b.de ").unwrap().as_str(), "a@b.de");
        for wrong in ["", "a", "@b.de", "a@", "a@b@c", "a@b.de\r\nBcc: x@y.de", "a b@c.de"] {
            assert!(Recipient::parse("r", wrong).is_err(), "{wrong}");
        }
    }
}
