//! Currencies that money can be counted in.

use std::fmt;

use service_kit::error::Violation;

/// A currency of ISO 4217 with a known minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    exponent: u8,
}

impl Currency {
    /// Reads a code of three upper-case letters.
    ///
    /// # Errors
    /// When the code is not of ISO 4217, or names something that has no minor unit, such as gold (XAU).
    pub fn parse(field: &str, code: &str) -> Result<Self, Violation> {
        let refuse = |reason, description| Err(Violation::new(field, reason, description));
        let Some(currency) = Self::of(code) else {
            return refuse("CURRENCY_INVALID", "must be a currency code of ISO 4217, such as EUR");
        };
        currency.map_or_else(|| refuse("CURRENCY_UNSUPPORTED", "must have a minor unit"), Ok)
    }

    /// The currency that a store kept under this code; `None` when no such currency was ever accepted.
    #[must_use]
    pub fn restore(code: &str) -> Option<Self> {
        Self::of(code).flatten()
    }

    /// Nothing for an unknown code, and nothing inside for one without a minor unit.
    fn of(code: &str) -> Option<Option<Self>> {
        let iso = iso_currency::Currency::from_code(code).filter(|iso| iso.code() == code)?;
        let exponent = iso.exponent().and_then(|exponent| u8::try_from(exponent).ok());
        Some(exponent.map(|exponent| Self { iso, exponent }))
    }

    /// The code, such as `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// How many decimals the minor unit stands for: 2 for EUR, 0 for JPY, 3 for BHD.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.exponent
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_how_many_decimals_a_currency_has() {
        let exponents =
            ["JPY", "EUR", "BHD", "CLF"].map(|code| Currency::parse("c", code).unwrap().exponent());
        assert_eq!(exponents, [0, 2, 3, 4]);
    }

    #[test]
    fn refuses_what_is_no_currency_and_what_has_no_minor_unit() {
        for wrong in ["", "eur", "EURO", "E", "ZZZ", "€", " EUR"] {
            assert_eq!(Currency::parse("c", wrong).unwrap_err().reason, "CURRENCY_INVALID", "{wrong}");
        }
        for bare in ["XAU", "XDR", "XXX"] {
            assert_eq!(Currency::parse("c", bare).unwrap_err().reason, "CURRENCY_UNSUPPORTED", "{bare}");
            assert_eq!(Currency::restore(bare), None);
        }
    }
}
