//! Typed reads of one section. Each read names the setting, its default, its form and its purpose, in one place.

use std::{fmt::Display, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

use super::{
    effective::{Setting, Shown},
    file::{Form, Raw},
    mistake::{Mistake, Origin, quoted},
    secret::Secret,
    source::Source,
    units::{parse_duration, parse_size, render_duration, render_size},
};

/// One section of a [`Source`].
///
/// A value that is not of the expected form is recorded as a mistake and the default is returned, so that reading
/// goes on and finds the other mistakes; [`Source::finish`] then refuses the whole. Keys are lower snake case.
///
/// # Panics
/// Every read panics when its setting shares its environment variable with another one (`[a] b_c` and `[a.b] c`):
/// the first start of the program shows it.
#[derive(Debug)]
pub struct Section<'a> {
    source: &'a mut Source,
    path: String,
}

impl<'a> Section<'a> {
    pub(super) fn new(source: &'a mut Source, path: &str) -> Self {
        Self { source, path: path.to_owned() }
    }

    /// A value written as text, of any type that reads and writes itself: an address, a name, a mailbox.
    pub fn get<T: FromStr + Display>(&mut self, key: &str, default: T, expected: &str, doc: &str) -> T {
        self.get_if(key, default, |_| true, expected, doc)
    }

    /// Like [`Section::get`], and the value must also pass `valid`.
    pub fn get_if<T: FromStr + Display>(
        &mut self,
        key: &str,
        default: T,
        valid: impl Fn(&T) -> bool,
        expected: &str,
        doc: &str,
    ) -> T {
        let parse = |raw: &Raw| text(raw).and_then(|text| text.parse().ok()).filter(&valid);
        self.read(&About::new(key, expected, doc), default, parse, |value| quoted(&value.to_string()))
    }

    /// A value that may be absent; an empty variable takes away what the file sets.
    pub fn optional<T: FromStr + Display>(&mut self, key: &str, expected: &str, doc: &str) -> Option<T> {
        self.optional_if(key, |_| true, expected, doc)
    }

    /// Like [`Section::optional`], and a present value must also pass `valid`.
    pub fn optional_if<T: FromStr + Display>(
        &mut self,
        key: &str,
        valid: impl Fn(&T) -> bool,
        expected: &str,
        doc: &str,
    ) -> Option<T> {
        let parse = |raw: &Raw| match text(raw)? {
            "" if raw.form == Form::Variable => Some(None),
            text => text.parse().ok().filter(&valid).map(Some),
        };
        let show = |value: &Option<T>| match value {
            Some(value) => Shown::Literal(quoted(&value.to_string())),
            None => Shown::Unset,
        };
        self.read_shown(&About::new(key, expected, doc), None, parse, show)
    }

    /// Yes or no.
    pub fn flag(&mut self, key: &str, default: bool, doc: &str) -> bool {
        let parse = |raw: &Raw| match raw.form {
            Form::Variable | Form::Boolean => raw.text.parse().ok(),
            _ => None,
        };
        self.read(&About::new(key, "true or false", doc), default, parse, bool::to_string)
    }

    /// A whole number within `bounds`.
    pub fn integer<T>(&mut self, key: &str, default: T, bounds: RangeInclusive<T>, doc: &str) -> T
    where
        T: FromStr + Display + PartialOrd,
    {
        let parse = |raw: &Raw| match raw.form {
            Form::Variable | Form::Integer => raw.text.parse().ok().filter(|value| bounds.contains(value)),
            _ => None,
        };
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        self.read(&About::new(key, &expected, doc), default, parse, T::to_string)
    }

    /// A length of time within `bounds`, whole milliseconds: `250ms`, `10s`, `5m`, `1h`, `7d`.
    pub fn duration(
        &mut self,
        key: &str,
        default: Duration,
        bounds: RangeInclusive<Duration>,
        doc: &str,
    ) -> Duration {
        let parse = |raw: &Raw| text(raw).and_then(parse_duration).filter(|value| bounds.contains(value));
        let (least, most) = (render_duration(*bounds.start()), render_duration(*bounds.end()));
        let expected = format!("a duration from {least} to {most}, like 250ms, 10s or 1h");
        self.read(&About::new(key, &expected, doc), default, parse, |value| quoted(&render_duration(*value)))
    }

    /// A number of bytes within `bounds`: `512B`, `4KiB`, `64MiB`, `1GiB`, `1TiB`.
    pub fn size(&mut self, key: &str, default: u64, bounds: RangeInclusive<u64>, doc: &str) -> u64 {
        let parse = |raw: &Raw| text(raw).and_then(parse_size).filter(|value| bounds.contains(value));
        let (least, most) = (render_size(*bounds.start()), render_size(*bounds.end()));
        let expected = format!("a size from {least} to {most}, like 64MiB");
        self.read(&About::new(key, &expected, doc), default, parse, |value| quoted(&render_size(*value)))
    }

    /// A file or folder; not empty.
    pub fn path(&mut self, key: &str, default: PathBuf, doc: &str) -> PathBuf {
        let parse = |raw: &Raw| text(raw).filter(|text| !text.is_empty()).map(PathBuf::from);
        self.read(&About::new(key, "a path", doc), default, parse, |value| quoted(&value.to_string_lossy()))
    }

    /// One of a few names.
    ///
    /// # Panics
    /// When `default` is not among the choices.
    pub fn choice<T: Copy + PartialEq>(
        &mut self,
        key: &str,
        default: T,
        choices: &[(&str, T)],
        doc: &str,
    ) -> T {
        let parse = |raw: &Raw| {
            let text = text(raw)?;
            choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
        };
        let show = |value: &T| {
            let choice = choices.iter().find(|(_, choice)| choice == value);
            let (name, _) =
                choice.expect("the value is a parsed choice, or the default, which the caller must list");
            quoted(name)
        };
        let names: Vec<String> = choices.iter().map(|(name, _)| quoted(name)).collect();
        let expected = format!("one of {}", names.join(", "));
        self.read(&About::new(key, &expected, doc), default, parse, show)
    }

    /// A password or token. It is never printed, neither by a mistake nor by [`super::Effective`]; an empty
    /// variable takes away what the file sets.
    pub fn secret(&mut self, key: &str, doc: &str) -> Option<Secret> {
        let parse = |raw: &Raw| match text(raw)? {
            "" if raw.form == Form::Variable => Some(None),
            "" => None,
            text => Some(Some(Secret::new(text.to_owned()))),
        };
        let show = |value: &Option<Secret>| value.as_ref().map_or(Shown::Unset, |_| Shown::Hidden);
        let about = About { key, expected: "a secret, not empty", doc, secret: true };
        self.read_shown(&about, None, parse, show)
    }

    /// Records that `key`, which was read before and is well-formed by itself, does not go with other settings.
    /// `problem` says what is expected: "expected a value below user.max".
    ///
    /// # Panics
    /// When `key` was not read from this section before.
    pub fn reject(&mut self, key: &str, problem: &str) {
        let key = self.full(key);
        let mistake = self.source.conflict(&key, problem);
        self.source.reject(mistake.unwrap_or_else(|| panic!("{key} is rejected before it was read")));
    }

    fn read<T>(
        &mut self,
        about: &About<'_>,
        default: T,
        parse: impl Fn(&Raw) -> Option<T>,
        render: impl Fn(&T) -> String,
    ) -> T {
        self.read_shown(about, default, parse, |value| Shown::Literal(render(value)))
    }

    fn read_shown<T>(
        &mut self,
        about: &About<'_>,
        default: T,
        parse: impl Fn(&Raw) -> Option<T>,
        show: impl Fn(&T) -> Shown,
    ) -> T {
        let key = self.full(about.key);
        let variable = self.source.variable(&key);
        let default_shown = show(&default);
        let (value, origin) = match self.source.find(&key, &variable) {
            None => (default, Origin::Default),
            Some((raw, origin)) => match parse(&raw) {
                Some(value) => (value, origin),
                None => {
                    let value = Some(if about.secret { "***".to_owned() } else { raw.shown() });
                    let problem = format!("expected {}", about.expected);
                    self.source.reject(Mistake { key: key.clone(), value, origin: origin.clone(), problem });
                    (default, origin)
                }
            },
        };
        self.source.record(Setting {
            key,
            variable,
            doc: about.doc.to_owned(),
            expected: about.expected.to_owned(),
            default: default_shown,
            value: show(&value),
            origin,
        });
        value
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// What is told about a setting, beside its value.
struct About<'t> {
    key: &'t str,
    expected: &'t str,
    doc: &'t str,
    /// Even a wrong secret is a secret.
    secret: bool,
}

impl<'t> About<'t> {
    fn new(key: &'t str, expected: &'t str, doc: &'t str) -> Self {
        Self { key, expected, doc, secret: false }
    }
}

/// The text of a value that is written as text.
fn text(raw: &Raw) -> Option<&str> {
    matches!(raw.form, Form::Variable | Form::Text).then_some(raw.text.as_str())
}
