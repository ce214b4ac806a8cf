use proptest::prelude::*;

use super::*;

const CODES: [&str; 4] = ["EUR", "USD", "JPY", "BHD"];

fn currency(code: &str) -> Currency {
    Currency::parse("currency", code).unwrap()
}

fn money() -> impl Strategy<Value = Money> {
    let minor = prop_oneof![any::<i64>(), -1_000..1_000_i64, Just(i64::MAX), Just(i64::MIN)];
    (minor, 0..CODES.len()).prop_map(|(minor, code)| Money::new(minor, currency(CODES[code])))
}

#[test]
fn is_shown_with_the_decimals_of_its_currency() {
    let shown = [(-5, "EUR"), (123_456, "EUR"), (700, "JPY"), (1_050, "BHD"), (i64::MIN, "USD")]
        .map(|(minor, code)| Money::new(minor, currency(code)).to_string());
    let expected = ["-0.05 EUR", "1234.56 EUR", "700 JPY", "1.050 BHD", "-92233720368547758.08 USD"];
    assert_eq!(shown, expected);
}

#[test]
fn only_more_than_nothing_may_be_paid() {
    assert_eq!(Money::positive("amount", 1), Ok(1));
    for minor in [0, -1, i64::MIN] {
        assert_eq!(Money::positive("amount", minor).unwrap_err().reason, "AMOUNT_NOT_POSITIVE");
    }
}

proptest! {
    #[test]
    fn arithmetic_is_exact_or_refused(a in money(), b in money()) {
        for (result, exact) in [
            (a.checked_add(b), i128::from(a.minor()) + i128::from(b.minor())),
            (a.checked_sub(b), i128::from(a.minor()) - i128::from(b.minor())),
        ] {
            let expected = match i64::try_from(exact) {
                _ if a.currency() != b.currency() => {
                    Err(MoneyError::Mixed { left: a.currency(), right: b.currency() })
                }
                Ok(minor) => Ok(Money::new(minor, a.currency())),
                Err(_) => Err(MoneyError::Overflow),
            };
            prop_assert_eq!(result, expected);
        }
    }

    #[test]
    fn what_is_added_can_be_taken_away(a in money(), b in money()) {
        if let Ok(both) = a.checked_add(b) {
            prop_assert_eq!(both.checked_sub(b), Ok(a));
            prop_assert_eq!(b.checked_add(a), Ok(both));
        }
    }

    #[test]
    fn a_sum_never_overflows_and_never_mixes(
        minors in proptest::collection::vec(prop_oneof![any::<i64>(), Just(i64::MAX)], 0..50),
        stranger in proptest::option::of(0..50_usize),
    ) {
        let exact: i128 = minors.iter().copied().map(i128::from).sum();
        let mut amounts: Vec<_> = minors.iter().map(|&minor| Money::new(minor, currency("EUR"))).collect();
        prop_assert_eq!(Money::sum(currency("EUR"), amounts.iter().copied()), Ok(exact));
        if let Some(at) = stranger {
            amounts.insert(at.min(minors.len()), Money::new(0, currency("USD")));
            let mixed = MoneyError::Mixed { left: currency("EUR"), right: currency("USD") };
            prop_assert_eq!(Money::sum(currency("EUR"), amounts), Err(mixed));
        }
    }

    #[test]
    fn what_is_shown_names_the_amount_exactly(amount in money()) {
        let shown = amount.to_string();
        let (number, code) = shown.split_once(' ').unwrap();
        let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        prop_assert_eq!((code, decimals), (amount.currency().code(), usize::from(amount.currency().exponent())));
        prop_assert_eq!(number.replace('.', "").parse::<i64>(), Ok(amount.minor()));
    }
}
