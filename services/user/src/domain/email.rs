//! Mail addresses: what is accepted, and when two are the same.

use std::borrow::Cow;

use service_kit::error::Violation;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};

/// The longest local part, in characters.
const MAX_LOCAL: usize = 64;
/// The longest address, in characters.
const MAX_LENGTH: usize = 254;

/// A valid mail address, as its owner writes it and in the form that is unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    original: String,
    normal: String,
}

impl Email {
    /// Reads an address; white space around it is dropped.
    ///
    /// The normal form is the local part in NFKC and lower case, and the domain in IDNA's ASCII form: two
    /// addresses with the same one are the same address to us.
    ///
    /// # Errors
    /// The violation names the rule that the address breaks.
    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let refuse = |reason, description| Err(Violation::new(field, reason, description));
        let original = text.trim();
        if original.is_empty() {
            return refuse("EMAIL_MISSING", "must not be empty");
        }
        if original.chars().count() > MAX_LENGTH {
            return refuse("EMAIL_TOO_LONG", "must be at most 254 characters");
        }
        let mut parts = original.split('@');
        let (Some(local), Some(domain), None) = (parts.next(), parts.next(), parts.next()) else {
            return refuse("EMAIL_INVALID", "must contain exactly one @");
        };
        if local.is_empty() || local.chars().count() > MAX_LOCAL {
            return refuse("EMAIL_INVALID", "the part before the @ must be 1 to 64 characters");
        }
        let folded = fold(local);
        // Looked at after folding: NFKC makes an @ or a space of characters that only look like one.
        if [local, &folded].iter().any(|local| local.chars().any(is_no_part)) {
            return refuse(
                "EMAIL_INVALID",
                "the part before the @ must not contain white space or control characters",
            );
        }
        let Some(domain) = ascii_domain(domain) else {
            return refuse("EMAIL_INVALID", "the part after the @ must be a valid domain with a dot");
        };
        let normal = format!("{folded}@{domain}");
        Ok(Self { original: original.to_owned(), normal })
    }

    /// An address that [`Email::parse`] accepted before, as a store kept it.
    #[must_use]
    pub fn restore(original: String, normal: String) -> Self {
        Self { original, normal }
    }

    /// As its owner writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.original
    }

    /// The form that is unique.
    #[must_use]
    pub fn normal(&self) -> &str {
        &self.normal
    }
}

/// What a local part must not contain.
fn is_no_part(c: char) -> bool {
    c == '@' || c.is_whitespace() || c.is_control()
}

/// NFKC and lower case. NFKC comes again after lower-casing, which can undo it ("İ" becomes two characters).
fn fold(local: &str) -> String {
    if local.is_ascii() {
        return local.to_ascii_lowercase();
    }
    let composed: Cow<'_, str> = match is_nfkc_quick(local.chars()) {
        IsNormalized::Yes => Cow::Borrowed(local),
        _ => Cow::Owned(local.nfkc().collect()),
    };
    composed.to_lowercase().nfkc().collect()
}

/// The domain in IDNA's ASCII form, if it is a valid one with a dot that names something on both sides.
fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let labels = ascii.split('.');
    let inner_dot = ascii.contains('.') && !ascii.starts_with('.') && !ascii.ends_with('.');
    (inner_dot && labels.clone().all(|label| !label.is_empty())).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(text: &str) -> String {
        Email::parse("email", text).unwrap().normal().to_owned()
    }

    fn reason(text: &str) -> &'static str {
        Email::parse("email", text).unwrap_err().reason
    }

    #[test]
    fn keeps_the_original_and_compares_in_lower_case() {
        let email = Email::parse("email", "  Ada.Lovelace@Example.ORG ").unwrap();
        assert_eq!(
            (email.as_str(), email.normal()),
            ("Ada.Lovelace@Example.ORG", "ada.lovelace@example.org")
        );
    }

    #[test]
    fn an_international_domain_equals_its_ascii_form() {
        assert_eq!(normal("a@Bücher.example"), normal("a@xn--bcher-kva.example"));
    }

    #[test]
    fn compatible_characters_are_one_address() {
        assert_eq!(normal("ﬁona@example.org"), normal("FIONA@example.org"));
    }

    #[test]
    fn names_the_rule_that_is_broken() {
        assert_eq!(reason("   "), "EMAIL_MISSING");
        for wrong in [
            "a",
            "a@b@c.de",
            "@b.de",
            "a@localhost",
            "a@",
            "a b@c.de",
            "a\u{7}@c.de",
            "a@b..de",
            "a@.de",
            "a@-b.de",
            "a\u{ff20}b@c.de",
            "a\u{a8}@c.de",
        ] {
            assert_eq!(reason(wrong), "EMAIL_INVALID", "{wrong}");
        }
        assert_eq!(reason(&format!("{}@b.de", "x".repeat(65))), "EMAIL_INVALID");
        assert_eq!(reason(&format!("a@{}.de", "x".repeat(250))), "EMAIL_TOO_LONG");
        assert!(Email::parse("email", &format!("{}@b.de", "ö".repeat(64))).is_ok());
    }

    proptest! {
        #[test]
        fn no_input_panics_and_the_normal_form_is_a_fixed_point(text in "\\PC{0,80}|[a-zİıßﬁK@＠. ¨-]{0,40}@[a-zü.-]{1,20}") {
            if let Ok(email) = Email::parse("email", &text) {
                let again = Email::parse("email", email.normal());
                prop_assert!(again.is_ok_and(|again| again.normal() == email.normal()));
            }
        }
    }
}
