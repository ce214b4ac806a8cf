//! What the sandbox is asked for.

use std::fmt;

use service_kit::error::Violation;

/// The longest name of an authorization, in bytes.
const MAX_NAME: usize = 64;
/// The longest payment method, in bytes.
const MAX_METHOD: usize = 255;

/// Names an operation for ever, as `payment_id:number`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// Reads a key: 1 to 64 visible ASCII characters without a colon, a colon, a number from 1 without a sign or
    /// zeros before it.
    ///
    /// # Errors
    /// When the text is no such key.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let is_key = text.split_once(':').is_some_and(|(name, number)| {
            let is_name = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_graphic());
            // One operation has one name: "+1" and "01" are not other ways to write it.
            is_name && number.parse::<u32>().is_ok_and(|parsed| parsed > 0 && parsed.to_string() == number)
        });
        if is_key {
            return Ok(Self(text.to_owned()));
        }
        Err(Violation::new(field, "KEY_INVALID", "must be payment_id:number"))
    }

    /// A key that [`Key::parse`] accepted before, as the store kept it.
    pub(crate) fn restore(text: String) -> Self {
        Self(text)
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The authorization that the operation belongs to: what stands before the colon.
    #[must_use]
    pub fn authorization(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(name, _)| name)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Hold money.
    Authorize,
    /// Take money that is held, and let go of the rest.
    Capture,
    /// Let go of money that is held.
    Void,
    /// Give money back that was taken.
    Refund,
}

/// What is paid with. It is never logged, as a real one would not be.
#[derive(Clone, PartialEq, Eq)]
pub struct Method(String);

impl Method {
    /// Reads a token of 1 to 255 visible ASCII characters.
    ///
    /// # Errors
    /// When the text is no such token.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        if (1..=MAX_METHOD).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        let rule = "must be a token of 1 to 255 visible ASCII characters";
        Err(Violation::new(field, "PAYMENT_METHOD_INVALID", rule))
    }

    /// A token that [`Method::parse`] accepted before, as the store kept it.
    pub(crate) fn restore(text: String) -> Self {
        Self(text)
    }

    /// The token, for the store and for [`Token::of`](super::Token::of) only.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Method(***)")
    }
}

/// An operation that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its name.
    pub key: Key,
    /// What to do.
    pub kind: Kind,
    /// How much, in the currency's minor unit; above zero.
    pub amount_minor: i64,
    /// In which currency.
    pub currency: iso_currency::Currency,
    /// With what.
    pub method: Method,
}

impl Order {
    /// Reads an amount.
    ///
    /// # Errors
    /// When it is not above zero.
    pub fn amount(field: &str, minor: i64) -> Result<i64, Violation> {
        if minor > 0 {
            return Ok(minor);
        }
        Err(Violation::new(field, "AMOUNT_NOT_POSITIVE", "must be above zero"))
    }

    /// Reads a code of ISO 4217.
    ///
    /// # Errors
    /// When the code is none, or of something without a minor unit, such as gold.
    pub fn currency(field: &str, code: &str) -> Result<iso_currency::Currency, Violation> {
        let known = iso_currency::Currency::from_code(code);
        let usable = known.filter(|known| known.code() == code && known.exponent().is_some());
        usable.ok_or_else(|| {
            Violation::new(field, "CURRENCY_INVALID", "must be a currency code of ISO 4217, such as EUR")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_spelling_and_names_its_authorization() {
        let key = Key::parse("key", "p-1:12").unwrap();
        assert_eq!((key.as_str(), key.authorization()), ("p-1:12", "p-1"));
        for wrong in ["", "p", "p:", ":1", "p:0", "p:01", "p:+1", "p:1:2", "p q:1", "p:x", "ö:1"] {
            assert!(Key::parse("key", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn money_without_a_minor_unit_cannot_be_paid() {
        assert_eq!(Order::currency("c", "JPY"), Ok(iso_currency::Currency::JPY));
        for wrong in ["", "eur", "XAU", "ZZZ"] {
            assert!(Order::currency("c", wrong).is_err(), "{wrong}");
        }
        assert!(Order::amount("a", 0).is_err() && Order::amount("a", i64::MAX).is_ok());
    }

    #[test]
    fn a_method_never_shows_itself() {
        let method = Method::parse("method", "tok_ok").unwrap();
        assert_eq!(format!("{method:?}"), "Method(***)");
    }
}
