//! The configuration as it came out, printed as a commented file that reads back to the same values.

use std::fmt;

use super::mistake::Origin;

/// One setting that was asked for, and what it came to.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// `section.key`.
    pub(super) key: String,
    pub(super) variable: String,
    pub(super) doc: String,
    pub(super) expected: String,
    pub(super) default: Shown,
    pub(super) value: Shown,
    pub(super) origin: Origin,
}

/// A value as a file would hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// A TOML literal.
    Literal(String),
    /// There is no value.
    Unset,
    /// There is one, and it is a secret.
    Hidden,
}

/// Every setting with its value, its form, its default and where it was set.
///
/// `Display` renders it as TOML: secrets as a commented `***`, so that the file holds none and none is overwritten.
#[derive(Clone, Debug)]
pub struct Effective {
    settings: Vec<Setting>,
}

impl Effective {
    /// Sections keep the order in which they were first read, the top of the file comes first: after a section's
    /// header TOML has no way back.
    pub(super) fn new(mut settings: Vec<Setting>) -> Self {
        let mut order: Vec<String> = vec![String::new()];
        for setting in &settings {
            let (section, _) = split(&setting.key);
            if !order.iter().any(|known| known == section) {
                order.push(section.to_owned());
            }
        }
        settings.sort_by_key(|setting| order.iter().position(|known| known == split(&setting.key).0));
        Self { settings }
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# The effective configuration: defaults, then the file, then the environment.")?;
        let mut open = "";
        for setting in &self.settings {
            let (section, name) = split(&setting.key);
            writeln!(f)?;
            if section != open {
                writeln!(f, "[{section}]")?;
                open = section;
            }
            writeln!(f, "{setting}")?;
            match &setting.value {
                Shown::Literal(literal) => writeln!(f, "{name} = {literal}")?,
                Shown::Unset => writeln!(f, "# {name} =")?,
                Shown::Hidden => writeln!(f, "# {name} = \"***\"")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Setting {
    /// The comment above a setting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = match &self.default {
            Shown::Literal(literal) => format!("default {literal}"),
            Shown::Unset | Shown::Hidden => "not set by default".to_owned(),
        };
        // A path in an origin may hold a line break, which must not end the comment.
        let origin = match &self.origin {
            Origin::Default => String::new(),
            origin => format!("; set by {}", origin.to_string().escape_debug()),
        };
        write!(f, "# {}: {}\n# {}; {default}{origin}", self.doc, self.expected, self.variable)
    }
}

fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}
