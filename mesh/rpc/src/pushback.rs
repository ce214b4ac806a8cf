//! "Do not ask again so soon": `grpc-retry-pushback-ms` (gRFC A6), from whoever answers to whoever may retry.
//!
//! A number of milliseconds is exactly the wait before the next attempt; a negative one, or none at all, says
//! never. "Never" is what an overloaded server says, and it holds for everybody above: a caller that has heard it
//! below must not be asked again by its own caller either, or each layer of services multiplies the load that
//! was too much (Google SRE book, "Handling Overload"). It climbs by two ways: a handler that returns the status
//! it got, by `?`, returns its metadata too; and for a handler that makes a status of its own the server stack
//! adds it ([`listen`]). The second way is within one task: work that was spawned goes the first.

use std::{cell::Cell, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
/// With them a server says that the caller itself asks too often: no overload, and nothing that concerns other calls
/// (draft-ietf-httpapi-ratelimit-headers).
pub(crate) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(crate) const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
pub(crate) const NEVER: HeaderValue = HeaderValue::from_static("-1");

/// What an answer says of the next attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pushback {
    /// Nothing.
    #[default]
    Unsaid,
    /// There must be none.
    Never,
    /// It must come after exactly this wait.
    After(Duration),
}

impl Pushback {
    /// What headers or trailers say. What cannot be understood, or is said twice, means never.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut said = headers.get_all(PUSHBACK).iter();
        match (said.next(), said.next()) {
            (None, _) => Self::Unsaid,
            (Some(value), None) => parse(value).map_or(Self::Never, Self::After),
            (Some(_), Some(_)) => Self::Never,
        }
    }
}

/// A signed 32-bit number as ASCII without needless zeros (gRFC A6), if it is not negative.
fn parse(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let plain = text == "0" || text.starts_with(|first: char| first.is_ascii_digit() && first != '0');
    let millis = plain.then(|| text.parse::<i32>().ok()).flatten()?;
    Some(Duration::from_millis(u64::try_from(millis).ok()?))
}

thread_local! {
    /// Whether a call that the current poll works for has heard "never".
    static HEARD: Cell<bool> = const { Cell::new(false) };
}

/// A call made by the current poll was told not to be repeated.
pub(crate) fn hear() {
    HEARD.set(true);
}

/// Polls something of a call, and notes whether a call that it makes meanwhile hears "never".
pub(crate) fn listen<T>(heard: &mut bool, poll: impl FnOnce() -> T) -> T {
    let outer = HEARD.replace(*heard);
    let polled = poll();
    *heard = HEARD.replace(outer);
    polled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[&str]) -> Pushback {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(PUSHBACK, value.parse().unwrap());
        }
        Pushback::of(&headers)
    }

    #[test]
    fn a_number_is_a_wait() {
        assert_eq!(of(&[]), Pushback::Unsaid);
        assert_eq!(of(&["0"]), Pushback::After(Duration::ZERO));
        assert_eq!(of(&["1500"]), Pushback::After(Duration::from_millis(1_500)));
        assert_eq!(of(&["2147483647"]), Pushback::After(Duration::from_millis(2_147_483_647)));
    }

    #[test]
    fn negative_malformed_and_said_twice_mean_never() {
        for never in ["-1", "-2147483648", "", "x", "1x", " 1", "+1", "01", "00", "1.5", "2147483648", "١"] {
            let mut headers = HeaderMap::new();
            headers.insert(PUSHBACK, HeaderValue::from_bytes(never.as_bytes()).unwrap());
            assert_eq!(Pushback::of(&headers), Pushback::Never, "{never:?}");
        }
        assert_eq!(of(&["1", "1"]), Pushback::Never);
    }

    #[test]
    fn what_is_heard_inside_stays_inside() {
        let (mut outer, mut inner) = (false, false);
        listen(&mut outer, || listen(&mut inner, hear));
        assert_eq!((outer, inner), (false, true));
        listen(&mut inner, || ());
        assert!(inner, "it is not forgotten by the next poll");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes)
                && let Some(wait) = parse(&value)
            {
                prop_assert_eq!(wait.as_millis().to_string(), value.to_str().unwrap());
            }
        }
    }
}
