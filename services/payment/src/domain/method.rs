//! What a payment is paid with.

use std::fmt;

use service_kit::error::Violation;

const MAX_TOKEN: usize = 255;

/// The provider's token for a card or an account. It stands for the thing itself, so it is never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentMethod(String);

impl PaymentMethod {
    /// Reads a token of 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    /// When the text is no such token.
    pub fn parse(field: &str, token: &str) -> Result<Self, Violation> {
        let is_token = (1..=MAX_TOKEN).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_graphic());
        if !is_token {
            return Err(Violation::new(
                field,
                "PAYMENT_METHOD_INVALID",
                "must be a token of 1 to 255 visible ASCII characters",
            ));
        }
        Ok(Self(token.to_owned()))
    }

    /// A token that [`PaymentMethod::parse`] accepted before, as a store kept it.
    #[must_use]
    pub fn restore(token: String) -> Self {
        Self(token)
    }

    /// The token, for the provider and the store only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentMethod(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_shows_itself() {
        let method = PaymentMethod::parse("method", "tok_ok").unwrap();
        assert_eq!((method.reveal(), format!("{method:?}").as_str()), ("tok_ok", "PaymentMethod(***)"));
    }

    #[test]
    fn a_token_is_short_and_visible() {
        for wrong in ["", "a b", "tok\n", "tök", &"x".repeat(256)] {
            assert!(PaymentMethod::parse("method", wrong).is_err(), "{wrong}");
        }
        assert!(PaymentMethod::parse("method", &"x".repeat(255)).is_ok());
    }
}
