//! A set of status codes that costs one word.

use std::fmt;

/// The canonical names, each at the place of its number (`google.rpc.Code`).
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A set of `google.rpc.Code`s. Membership is one bit test, so a call asks it without a cost.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Codes(u32);

impl Codes {
    /// No code at all.
    pub const NONE: Self = Self(0);

    /// The set whose members are the set bits: bit 14 is `UNAVAILABLE`. Bits past 16 name no code and are
    /// dropped.
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & ((1 << NAMES.len()) - 1))
    }

    /// The set as bits, as [`from_bits`](Self::from_bits) takes them.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The number of the code with this canonical name, such as `UNAVAILABLE`. Names are upper case.
    pub fn number(name: &str) -> Option<i32> {
        (0..).zip(NAMES).find_map(|(number, known)| (known == name).then_some(number))
    }

    /// This set and the code with the number `code`; a number that is no code adds nothing.
    #[must_use]
    pub const fn with(self, code: i32) -> Self {
        match code {
            0..=16 => Self(self.0 | 1 << code),
            _ => self,
        }
    }

    /// Whether the code with this number is in the set (`tonic::Code as i32`).
    pub const fn contains(self, code: i32) -> bool {
        matches!(code, 0..=16) && self.0 & 1 << code != 0
    }

    /// Whether no code is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the members, by number.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        (0..).zip(NAMES).filter(move |(number, _)| self.contains(*number)).map(|(_, name)| name)
    }
}

impl fmt::Debug for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_at_its_number() {
        assert_eq!(Codes::number("OK"), Some(0));
        assert_eq!(Codes::number("UNAVAILABLE"), Some(14));
        assert_eq!(Codes::number("UNAUTHENTICATED"), Some(16));
        assert_eq!(Codes::number("unavailable"), None);
        assert_eq!(Codes::number("RETRY"), None);
    }

    #[test]
    fn contains_what_was_added_and_nothing_else() {
        let codes = Codes::NONE.with(14).with(8);
        let members: Vec<i32> = (-1..40).filter(|code| codes.contains(*code)).collect();
        assert_eq!(members, [8, 14]);
        assert_eq!(format!("{codes:?}"), r#"{"RESOURCE_EXHAUSTED", "UNAVAILABLE"}"#);
    }

    #[test]
    fn numbers_that_are_no_code_are_ignored() {
        assert!(Codes::NONE.with(17).with(-1).with(i32::MAX).is_empty());
        assert_eq!(Codes::from_bits(u32::MAX).names().count(), 17);
    }
}
