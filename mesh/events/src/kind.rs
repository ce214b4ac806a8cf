//! The name of what happened, such as `user.created`.

use std::{borrow::Cow, fmt, str::FromStr};

/// The name of what happened: words of `a-z`, `0-9`, `_` and `-`, joined by dots, in the past tense, at most
/// 64 bytes. It selects the queues that receive the event.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKind(Cow<'static, str>);

/// A text is no event kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no event kind; expected lower-case words joined by dots, such as \"user.created\"")]
pub struct InvalidEventKind(String);

// === impl EventKind ===

impl EventKind {
    /// Names a kind in a constant.
    ///
    /// # Panics
    /// When the name has a wrong form; in a constant this fails the build.
    pub const fn from_static(name: &'static str) -> Self {
        assert!(is_kind(name.as_bytes()), "an event kind is lower-case words joined by dots");
        Self(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Every dot must stand between two words, and the whole must fit a routing key.
const fn is_kind(name: &[u8]) -> bool {
    let mut in_word = false;
    let mut at = 0;
    while at < name.len() {
        match name[at] {
            b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => in_word = true,
            b'.' if in_word => in_word = false,
            _ => return false,
        }
        at += 1;
    }
    in_word && name.len() <= 64
}

impl FromStr for EventKind {
    type Err = InvalidEventKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        name.to_owned().try_into()
    }
}

impl TryFrom<String> for EventKind {
    type Error = InvalidEventKind;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if is_kind(name.as_bytes()) { Ok(Self(Cow::Owned(name))) } else { Err(InvalidEventKind(name)) }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventKind({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_words_joined_by_dots() {
        for name in ["a", "user.created", "payment.captured.v2", "a_b-c.d9"] {
            assert_eq!(name.parse::<EventKind>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_everything_else() {
        let long = "a".repeat(65);
        for name in ["", ".", "a.", ".a", "a..b", "User.created", "user created", "é", long.as_str()] {
            assert!(name.parse::<EventKind>().is_err(), "{name:?} was accepted");
        }
    }

    #[test]
    fn is_equal_whether_constant_or_read() {
        assert_eq!(EventKind::from_static("user.created"), "user.created".parse().unwrap());
    }
}
