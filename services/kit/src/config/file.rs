//! The configuration file, flattened to `section.key` with the line each value stands on.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::mistake::quoted;

/// Why the file could not be read as TOML. What its values mean is checked later.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file is missing, is a folder, or may not be read.
    #[error("cannot read the configuration file {}", path.display())]
    Read {
        /// The file that was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not text in UTF-8.
    #[error("the configuration file {}:{line} is not UTF-8 text", path.display())]
    NotUtf8 {
        /// The file that was named.
        path: PathBuf,
        /// The line of the first wrong byte, counted from 1.
        line: usize,
    },
    /// The file is not TOML; every place where it is not is listed, a line each.
    #[error("the configuration file {} is not TOML{}", path.display(), listed(path, problems))]
    Syntax {
        /// The file that was named.
        path: PathBuf,
        /// Line and column, both counted from 1, and what is wrong there.
        problems: Vec<(usize, usize, String)>,
    },
}

fn listed(path: &Path, problems: &[(usize, usize, String)]) -> String {
    problems
        .iter()
        .map(|(line, column, what)| format!("\n  {}:{line}:{column}: {what}", path.display()))
        .collect()
}

/// What form a value had where it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// From the environment, where everything is text.
    Variable,
    Text,
    Integer,
    Boolean,
    /// A section without a key: nothing is wrong with it, if the section is known.
    EmptyTable,
    /// A float, date or array: no setting takes one.
    Other,
}

/// One value as written.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) text: String,
    pub(super) form: Form,
}

impl Raw {
    /// How a mistake shows the value: text in quotes, the rest as it stands.
    pub(super) fn shown(&self) -> String {
        match self.form {
            Form::Variable | Form::Text => quoted(&self.text),
            Form::Integer | Form::Boolean | Form::EmptyTable | Form::Other => self.text.clone(),
        }
    }
}

/// `section.key` to the value and its line.
pub(super) type Values = BTreeMap<String, (Raw, usize)>;

pub(super) fn read(path: &Path) -> Result<Values, FileError> {
    let bytes = fs::read(path).map_err(|source| FileError::Read { path: path.to_owned(), source })?;
    let text = String::from_utf8(bytes).map_err(|wrong| {
        let good = wrong.utf8_error().valid_up_to();
        FileError::NotUtf8 { path: path.to_owned(), line: line_of(&wrong.as_bytes()[..good]) }
    })?;
    let (table, errors) = DeTable::parse_recoverable(&text);
    if !errors.is_empty() {
        let mut problems: Vec<_> = errors.iter().map(|error| placed(&text, error)).collect();
        problems.sort();
        return Err(FileError::Syntax { path: path.to_owned(), problems });
    }
    let mut values = Values::new();
    flatten(&text, "", table.get_ref(), &mut values);
    Ok(values)
}

fn placed(text: &str, error: &toml::de::Error) -> (usize, usize, String) {
    // The parser's offset may lie inside a character; the text before it is what counts lines and columns.
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = &text.as_bytes()[..start];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
    (line_of(before), column, error.message().replace('\n', ", "))
}

fn line_of(before: &[u8]) -> usize {
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

fn flatten(text: &str, prefix: &str, table: &DeTable<'_>, values: &mut Values) {
    for (key, value) in table.iter() {
        let path = join(prefix, key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) if !inner.is_empty() => flatten(text, &path, inner, values),
            other => {
                let line = line_of(&text.as_bytes()[..key.span().start]);
                values.insert(path, (raw(text, other, value.span()), line));
            }
        }
    }
}

/// A key that itself holds a dot or a quote is quoted, so that it can never pass for a section and a key.
fn join(prefix: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    let key = if bare { key.to_owned() } else { quoted(key) };
    if prefix.is_empty() { key } else { format!("{prefix}.{key}") }
}

fn raw(text: &str, value: &DeValue<'_>, span: std::ops::Range<usize>) -> Raw {
    match value {
        DeValue::String(inner) => Raw { text: inner.clone().into_owned(), form: Form::Text },
        DeValue::Integer(inner) => Raw { text: decimal(inner), form: Form::Integer },
        DeValue::Boolean(inner) => Raw { text: inner.to_string(), form: Form::Boolean },
        DeValue::Table(_) => Raw { text: "{}".to_owned(), form: Form::EmptyTable },
        _ => Raw { text: text.get(span).unwrap_or_default().to_owned(), form: Form::Other },
    }
}

/// Hexadecimal, octal and binary integers in decimal; one that does not fit stays as written and fails later.
fn decimal(integer: &toml::de::DeInteger<'_>) -> String {
    i128::from_str_radix(integer.as_str(), integer.radix())
        .map_or_else(|_| integer.as_str().to_owned(), |value| value.to_string())
}
