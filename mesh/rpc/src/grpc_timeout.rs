//! The `grpc-timeout` header: what is left of a deadline, as gRPC writes it.
//!
//! `Timeout -> "grpc-timeout" TimeoutValue TimeoutUnit`, at most eight digits and one of `H M S m u n`
//! (gRPC over HTTP/2, "Requests").

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::wire::unindexed;

pub(crate) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

const MAX_DIGITS: usize = 8;
const MAX_VALUE: u128 = 99_999_999;

/// Units and their nanoseconds, finest first.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60 * 1_000_000_000),
    (b'H', 3_600 * 1_000_000_000),
];

/// Reads a header value; `None` when it is not of the form that gRPC prescribes.
pub(crate) fn parse(value: &HeaderValue) -> Option<Duration> {
    let (unit, digits) = value.as_bytes().split_last()?;
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    let mut count = 0_u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        count = count * 10 + u64::from(digit - b'0');
    }
    match unit {
        b'n' => Some(Duration::from_nanos(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'S' => Some(Duration::from_secs(count)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'H' => Some(Duration::from_secs(count * 3_600)),
        _ => None,
    }
}

/// Writes a header value in the finest unit that eight digits can count, rounded down: the next hop must never
/// believe in more time than there is.
pub(crate) fn encode(timeout: Duration) -> HeaderValue {
    let nanos = timeout.as_nanos();
    let (unit, count) = UNITS
        .iter()
        .map(|(unit, size)| (*unit, nanos / size))
        .find(|(_, count)| *count <= MAX_VALUE)
        .unwrap_or((b'H', MAX_VALUE));
    let mut text = [0_u8; MAX_DIGITS + 1];
    let mut start = MAX_DIGITS;
    text[start] = unit;
    let mut rest = u64::try_from(count).unwrap_or_default();
    loop {
        start -= 1;
        text[start] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    unindexed(HeaderValue::from_bytes(&text[start..]).expect("digits and a letter are a header value"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &'static str) -> Option<Duration> {
        parse(&HeaderValue::from_static(text))
    }

    #[test]
    fn reads_every_unit() {
        assert_eq!(read("3H"), Some(Duration::from_secs(3 * 3_600)));
        assert_eq!(read("2M"), Some(Duration::from_secs(120)));
        assert_eq!(read("42S"), Some(Duration::from_secs(42)));
        assert_eq!(read("13m"), Some(Duration::from_millis(13)));
        assert_eq!(read("2u"), Some(Duration::from_micros(2)));
        assert_eq!(read("82n"), Some(Duration::from_nanos(82)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        assert_eq!(read("0n"), Some(Duration::ZERO));
    }

    #[test]
    fn refuses_every_other_form() {
        for wrong in
            ["", "S", "1", "10", "1s", "-1S", "+1S", " 1S", "1 S", "1.5S", "123456789S", "1SS", "0x1S"]
        {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn is_never_indexed() {
        assert!(encode(Duration::from_secs(1)).is_sensitive());
    }

    #[test]
    fn writes_the_finest_unit_that_fits() {
        assert_eq!(encode(Duration::ZERO), "0n");
        assert_eq!(encode(Duration::from_nanos(99_999_999)), "99999999n");
        assert_eq!(encode(Duration::from_nanos(100_000_999)), "100000u");
        assert_eq!(encode(Duration::from_secs(5)), "5000000u");
        assert_eq!(encode(Duration::from_secs(100)), "100000m");
        assert_eq!(encode(Duration::MAX), "99999999H");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let _ = parse(&value);
            }
        }

        #[test]
        fn what_is_written_is_read_again_and_is_never_more(nanos in any::<u64>()) {
            let timeout = Duration::from_nanos(nanos);
            let read = parse(&encode(timeout)).expect("what was written");
            prop_assert!(read <= timeout);
            prop_assert!(timeout - read <= timeout / 10_000 + Duration::from_nanos(1));
        }
    }
}
