//! The names people are shown under, and the languages they are spoken to in.

use service_kit::error::Violation;

/// The longest display name, in characters.
const MAX_NAME: usize = 100;
/// The longest language tag, in characters (BCP 47, section 4.4.1).
const MAX_LOCALE: usize = 35;

/// A name of 1 to 100 characters, none of them a control character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// Reads a name; white space around it is dropped.
    ///
    /// # Errors
    /// The violation names the rule that the name breaks.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let name = text.trim();
        if name.is_empty() {
            return Err(Violation::new(field, "DISPLAY_NAME_MISSING", "must not be empty"));
        }
        if name.chars().count() > MAX_NAME {
            return Err(Violation::new(field, "DISPLAY_NAME_TOO_LONG", "must be at most 100 characters"));
        }
        if name.chars().any(char::is_control) {
            return Err(Violation::new(field, "DISPLAY_NAME_INVALID", "must not contain control characters"));
        }
        Ok(Self(name.to_owned()))
    }

    /// A name that [`DisplayName::parse`] accepted before, as a store kept it.
    #[must_use]
    pub fn restore(name: String) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A BCP 47 language tag, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Locale(String);

impl Locale {
    /// Reads a tag: subtags of 1 to 8 ASCII letters and digits with hyphens between, the first a language.
    ///
    /// # Errors
    /// When the text is neither empty nor such a tag.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let tag = text.trim();
        let subtag =
            |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let language = |part: &str| part.len() >= 2 && part.bytes().all(|b| b.is_ascii_alphabetic());
        let mut parts = tag.split('-');
        let well_formed = tag.len() <= MAX_LOCALE
            && parts.next().is_some_and(|first| language(first) && subtag(first))
            && parts.all(subtag);
        if tag.is_empty() || well_formed {
            Ok(Self(tag.to_owned()))
        } else {
            Err(Violation::new(field, "LOCALE_INVALID", "must be a language tag such as pt-BR, or empty"))
        }
    }

    /// A tag that [`Locale::parse`] accepted before, as a store kept it.
    #[must_use]
    pub fn restore(tag: String) -> Self {
        Self(tag)
    }

    /// The tag; empty if unknown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_trimmed_and_counted_in_characters() {
        assert_eq!(DisplayName::parse("f", " 龚磊 ").unwrap().as_str(), "龚磊");
        assert!(DisplayName::parse("f", &"ü".repeat(100)).is_ok());
        let reasons = ["  ", "bad\u{7}name", &"x".repeat(101)]
            .map(|text| DisplayName::parse("f", text).unwrap_err().reason);
        assert_eq!(reasons, ["DISPLAY_NAME_MISSING", "DISPLAY_NAME_INVALID", "DISPLAY_NAME_TOO_LONG"]);
    }

    #[test]
    fn locales_are_language_tags_or_nothing() {
        for fine in ["", "de", "pt-BR", "zh-Hant-TW", "ar-AA", "es-419"] {
            assert!(Locale::parse("f", fine).is_ok(), "{fine}");
        }
        for wrong in ["d", "de_DE", "-", "de-", "-de", "12", "de-waytoolongsubtag", "dé"] {
            assert!(Locale::parse("f", wrong).is_err(), "{wrong}");
        }
    }
}
