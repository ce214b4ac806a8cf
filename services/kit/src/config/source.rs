//! Where settings come from, and what is left over when everybody has read theirs.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    effective::{Effective, Setting, Shown},
    file::{self, FileError, Form, Raw, Values},
    mistake::{ConfigErrors, Mistake, Origin, nearest},
    section::Section,
};

/// The process's environment. A variable that is not UTF-8 is read with its wrong bytes replaced, so that a
/// setting it feeds is refused by name instead of being silently ignored.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}

/// A configuration being read: the file's values, overlaid by the environment's.
#[derive(Debug)]
pub struct Source {
    prefix: String,
    path: PathBuf,
    file: Values,
    variables: BTreeMap<String, String>,
    settings: Vec<Setting>,
    mistakes: Vec<Mistake>,
}

impl Source {
    /// Reads `file`, if one is named, and every variable of `env` that starts with `prefix` and `_`: with the
    /// prefix `STACK`, `STACK_USER_LISTEN` is `listen` of `[user]`, and it wins over the file.
    ///
    /// # Errors
    /// [`FileError`] when a named file cannot be read or is not TOML.
    pub fn load(
        file: Option<&Path>,
        env: impl IntoIterator<Item = (String, String)>,
        prefix: &str,
    ) -> Result<Self, FileError> {
        let values = file.map(file::read).transpose()?.unwrap_or_default();
        let start = format!("{prefix}_");
        Ok(Self {
            prefix: prefix.to_owned(),
            path: file.unwrap_or(Path::new("")).to_owned(),
            file: values,
            variables: env.into_iter().filter(|(name, _)| name.starts_with(&start)).collect(),
            settings: Vec::new(),
            mistakes: Vec::new(),
        })
    }

    /// A section to read settings from: `user`, `notification.smtp`, or the empty name for the top of the file.
    pub fn section(&mut self, path: &str) -> Section<'_> {
        Section::new(self, path)
    }

    /// Ends the reading. Whatever nobody asked for is a mistake too.
    ///
    /// # Errors
    /// [`ConfigErrors`] with every mistake found, in the file's order, then the environment's.
    pub fn finish(mut self) -> Result<Effective, ConfigErrors> {
        self.report_unknown();
        if self.mistakes.is_empty() {
            return Ok(Effective::new(self.settings));
        }
        self.mistakes.sort_by(|a, b| (&a.origin, &a.key).cmp(&(&b.origin, &b.key)));
        Err(ConfigErrors(self.mistakes))
    }

    /// What stands for `key`, the environment first.
    pub(super) fn find(&self, key: &str, variable: &str) -> Option<(Raw, Origin)> {
        if let Some(text) = self.variables.get(variable) {
            let raw = Raw { text: text.clone(), form: Form::Variable };
            return Some((raw, Origin::Variable(variable.to_owned())));
        }
        let (raw, line) = self.file.get(key)?;
        Some((raw.clone(), Origin::File(self.path.clone(), *line)))
    }

    /// `STACK_USER_LISTEN` for `user.listen`.
    pub(super) fn variable(&self, key: &str) -> String {
        format!("{}_{}", self.prefix, key.replace('.', "_").to_ascii_uppercase())
    }

    pub(super) fn record(&mut self, setting: Setting) {
        let same = |other: &Setting| other.variable == setting.variable;
        match self.settings.iter().find(|other| same(other)) {
            // Two parts of a process may read one shared setting; it is listed once.
            Some(other) if other.key == setting.key => {}
            Some(other) => {
                panic!("{} and {} share the variable {}", other.key, setting.key, setting.variable)
            }
            None => self.settings.push(setting),
        }
    }

    /// A mistake about a setting that was read, with its value as it is shown.
    pub(super) fn conflict(&self, key: &str, problem: &str) -> Option<Mistake> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        let value = match &setting.value {
            Shown::Literal(literal) => Some(literal.clone()),
            Shown::Hidden => Some("***".to_owned()),
            Shown::Unset => None,
        };
        let (key, origin, problem) = (key.to_owned(), setting.origin.clone(), problem.to_owned());
        Some(Mistake { key, value, origin, problem })
    }

    pub(super) fn reject(&mut self, mistake: Mistake) {
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    fn report_unknown(&mut self) {
        let in_file = self.file.iter().filter_map(|(key, (raw, line))| {
            let problem = self.stranger(key, raw.form)?;
            // The value is not shown: it may be a secret whose key was mistyped.
            Some(Mistake {
                key: key.clone(),
                value: None,
                origin: Origin::File(self.path.clone(), *line),
                problem,
            })
        });
        let known = || self.settings.iter().map(|setting| setting.variable.as_str());
        let strange =
            |name: &str, value: &str| !known().any(|known| known == name) && !is_service_link(name, value);
        let in_env = self.variables.iter().filter(|(name, value)| strange(name, value)).map(|(name, _)| {
            let problem = unknown("variable", nearest(name, known()));
            Mistake { key: name.clone(), value: None, origin: Origin::Variable(name.clone()), problem }
        });
        let found: Vec<Mistake> = in_file.chain(in_env).collect();
        self.mistakes.extend(found);
    }

    /// Why nobody asked for this key of the file; `None` when somebody did.
    fn stranger(&self, key: &str, form: Form) -> Option<String> {
        let known = || self.settings.iter().map(|setting| setting.key.as_str());
        let is_section =
            || known().any(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        match form {
            _ if known().any(|known| known == key) => None,
            Form::EmptyTable if is_section() => None,
            _ if is_section() => Some(format!("expected a section [{key}]")),
            _ => Some(unknown("key", nearest(key, known()))),
        }
    }
}

fn unknown(what: &str, meant: Option<&str>) -> String {
    let hint = meant.map(|name| format!(", did you mean {name}?")).unwrap_or_default();
    format!("unknown {what}{hint}")
}

/// Kubernetes puts variables of the Docker link form into every container, one set for each service of the
/// namespace: with a service called `stack` they start with our prefix, and nobody mistyped them.
fn is_service_link(name: &str, value: &str) -> bool {
    let port = name.find("_PORT").map(|at| &name[at + "_PORT".len()..]);
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || port == Some("") && value.contains("://")
        || port.is_some_and(|rest| rest.starts_with('_') && (rest.contains("_TCP") || rest.contains("_UDP")))
}
