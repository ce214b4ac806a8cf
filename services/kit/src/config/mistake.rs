//! What is wrong with a configuration, in words an operator can act on.

use std::{fmt, path::PathBuf};

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file, counted from 1.
    File(PathBuf, usize),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// One mistake: `user.limit = 0 (stack.toml:4): expected a whole number from 1 to 1000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The setting, as `section.key`.
    pub key: String,
    /// The value as written, `***` for a secret; none for an unknown key, which may be a mistyped secret.
    pub value: Option<String>,
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong with it: the expected form, or that nobody knows the key.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)?;
        if let Some(value) = &self.value {
            write!(f, " = {value}")?;
        }
        // An unknown variable is its own key.
        if self.origin.to_string() != self.key {
            write!(f, " ({})", self.origin)?;
        }
        write!(f, ": {}", self.problem)
    }
}

/// Every mistake of a configuration: those of the file by line, then those of the environment by name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub struct ConfigErrors(pub(super) Vec<Mistake>);

impl ConfigErrors {
    /// The mistakes, at least one.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        write!(f, "{count} mistake{} in the configuration", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

/// A TOML basic string, which is also how a mistake shows text: control characters cannot reach a terminal.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The known name that `wrong` was most likely meant to be, if one is near enough to be worth naming.
pub(super) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) = known.map(|name| (edits(wrong, name), name)).min()?;
    // A third of the name may differ; more than that is another word.
    (distance <= 2.max(name.chars().count() / 3)).then_some(name)
}

/// How many characters must be put in, taken out or changed to turn one into the other (Levenshtein).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let change = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_a_near_key_and_keeps_quiet_about_a_far_one() {
        let known = ["user.listen", "user.cache_ttl", "log.format"];
        let find = |wrong| nearest(wrong, known.into_iter());
        assert_eq!(find("user.listn"), Some("user.listen"));
        assert_eq!(find("usr.listen"), Some("user.listen"));
        assert_eq!(find("payment.currency"), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        assert_eq!(quoted("a\"b\\\u{1b}[2J\u{7f}"), r#""a\"b\\\u001B[2J\u007F""#);
    }
}
