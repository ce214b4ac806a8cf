//! Free attributes, with bounds.

use std::collections::BTreeMap;

use service_kit::error::Violation;

const MAX_ENTRIES: usize = 32;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 1_024;

/// At most 32 attributes, with keys of 1 to 64 characters and values of at most 1,024.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// Takes attributes.
    ///
    /// # Errors
    /// All entries that break a rule.
    pub fn parse(field: &str, entries: BTreeMap<String, String>) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        if entries.len() > MAX_ENTRIES {
            violations.push(Violation::new(field, "TOO_MANY_ATTRIBUTES", "must be at most 32 entries"));
        }
        for (key, value) in entries.iter().take(MAX_ENTRIES) {
            // A key too long to be one is not worth repeating whole.
            let path = || format!("{field}[{:?}]", key.chars().take(MAX_KEY).collect::<String>());
            if key.is_empty() || key.chars().count() > MAX_KEY {
                violations.push(Violation::new(
                    path(),
                    "ATTRIBUTE_KEY_INVALID",
                    "the key must be 1 to 64 characters",
                ));
            }
            if value.chars().count() > MAX_VALUE {
                violations.push(Violation::new(
                    path(),
                    "ATTRIBUTE_TOO_LONG",
                    "the value must be at most 1,024 characters",
                ));
            }
        }
        if violations.is_empty() { Ok(Self(entries)) } else { Err(violations) }
    }

    /// Attributes that [`Attributes::parse`] accepted before, as a store kept them.
    #[must_use]
    pub fn restore(entries: BTreeMap<String, String>) -> Self {
        Self(entries)
    }

    /// The attributes, by key.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(entries: &[(&str, &str)]) -> Vec<String> {
        let entries = entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Attributes::parse("a", entries).err().unwrap_or_default().into_iter().map(|v| v.field).collect()
    }

    #[test]
    fn names_every_entry_that_breaks_a_rule() {
        let long = "x".repeat(1_025);
        assert_eq!(violations(&[("", "v"), ("fine", "v"), ("long", &long)]), ["a[\"\"]", "a[\"long\"]"]);
    }

    #[test]
    fn has_room_for_32() {
        let entries = |n: usize| (0..n).map(|i| (i.to_string(), String::new())).collect::<BTreeMap<_, _>>();
        assert!(Attributes::parse("a", entries(32)).is_ok());
        assert_eq!(Attributes::parse("a", entries(33)).unwrap_err()[0].reason, "TOO_MANY_ATTRIBUTES");
    }
}
