//! Amounts of money, as people read them. Whole minor units: nothing here is ever a fraction, or rounded.

use std::fmt;

use service_kit::error::Violation;

/// A currency of ISO 4217 that has a minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency {
    code: &'static str,
    /// Decimals that the minor unit stands for: 2 for EUR, 0 for JPY, 3 for BHD.
    exponent: u8,
}

impl Currency {
    /// Reads a code of three upper-case letters.
    ///
    /// # Errors
    /// When the code is not of ISO 4217, or of something without a minor unit, such as gold (XAU).
    pub fn parse(field: &str, code: &str) -> Result<Self, Violation> {
        let known = iso_currency::Currency::from_code(code).filter(|known| known.code() == code);
        let exponent = known.and_then(iso_currency::Currency::exponent);
        match (known, exponent.and_then(|exponent| u8::try_from(exponent).ok())) {
            (Some(known), Some(exponent)) => Ok(Self { code: known.code(), exponent }),
            _ => Err(Violation::new(
                field,
                "CURRENCY_INVALID",
                "must be a code of ISO 4217 with a minor unit, such as EUR",
            )),
        }
    }
}

/// An amount of a currency. Shown as `EUR 10.50`, `JPY 1050`, `BHD -1.050`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units of a currency.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Currency { code, exponent }, units) = (self.currency, self.minor.unsigned_abs());
        let sign = if self.minor < 0 { "-" } else { "" };
        let width = usize::from(exponent);
        // No exponent of ISO 4217 is above 4, and 10^19 has room.
        match 10_u64.checked_pow(u32::from(exponent)) {
            Some(scale) if width > 0 => {
                write!(f, "{code} {sign}{}.{:0width$}", units / scale, units % scale)
            }
            _ => write!(f, "{code} {sign}{units}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(minor: i64, code: &str) -> String {
        Money::new(minor, Currency::parse("currency", code).unwrap()).to_string()
    }

    #[test]
    fn the_minor_unit_has_as_many_decimals_as_its_currency() {
        for (code, expected) in
            [("EUR", "EUR 10.50"), ("JPY", "JPY 1050"), ("BHD", "BHD 1.050"), ("CLF", "CLF 0.1050")]
        {
            assert_eq!(shown(1_050, code), expected);
        }
    }

    #[test]
    fn small_amounts_keep_their_zeros_and_a_minus_stands_before_the_number() {
        let amounts = [0, 5, 99, 100, -5, -1_050].map(|minor| shown(minor, "EUR"));
        assert_eq!(amounts, ["EUR 0.00", "EUR 0.05", "EUR 0.99", "EUR 1.00", "EUR -0.05", "EUR -10.50"]);
    }

    #[test]
    fn the_largest_amounts_are_exact() {
        assert_eq!(shown(i64::MAX, "EUR"), "EUR 92233720368547758.07");
        assert_eq!(shown(i64::MIN, "EUR"), "EUR -92233720368547758.08");
        assert_eq!(shown(i64::MIN, "JPY"), "JPY -9223372036854775808");
    }

    #[test]
    fn what_is_no_currency_or_has_no_minor_unit_is_refused() {
        for wrong in ["", "eur", "EURO", "ZZZ", "€", " EUR", "XAU", "XXX"] {
            assert_eq!(Currency::parse("c", wrong).unwrap_err().reason, "CURRENCY_INVALID", "{wrong}");
        }
    }
}
