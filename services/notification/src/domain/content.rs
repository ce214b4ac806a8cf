//! What a notification says.

use std::collections::BTreeMap;

use service_kit::error::Violation;

const MAX_SUBJECT: usize = 200;
const MAX_BODY: usize = 100_000;
const MAX_PARAMETERS: usize = 32;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 1_024;

/// What a notification says: by a template, or as given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Written from a template when it is sent.
    Template {
        /// Which.
        name: String,
        /// The values it asks for.
        parameters: BTreeMap<String, String>,
    },
    /// As given.
    Text(Text),
}

/// Checks the parameters of a template: at most 32, names of 1 to 64 characters, values of at most 1,024.
///
/// # Errors
/// All rules that they break.
pub fn check_parameters(field: &str, parameters: &BTreeMap<String, String>) -> Result<(), Vec<Violation>> {
    let mut violations = Vec::new();
    if parameters.len() > MAX_PARAMETERS {
        violations.push(Violation::new(field, "TOO_MANY_PARAMETERS", "must be at most 32"));
    }
    for (name, value) in parameters.iter().take(MAX_PARAMETERS) {
        let is_long = !(1..=MAX_NAME).contains(&name.chars().count()) || value.chars().count() > MAX_VALUE;
        if is_long {
            let path = format!("{field}[{:?}]", name.chars().take(MAX_NAME).collect::<String>());
            let rule = "must have a name of 1 to 64 characters and a value of at most 1,024";
            violations.push(Violation::new(path, "PARAMETER_INVALID", rule));
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// A subject line and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    subject: String,
    body: String,
}

impl Text {
    /// Takes a subject of 1 to 200 characters on one line and a body of 1 to 100,000.
    ///
    /// # Errors
    /// All rules that they break.
    pub fn parse(field: &str, subject: &str, body: String) -> Result<Self, Vec<Violation>> {
        let mut violations = Vec::new();
        let subject = subject.trim();
        // A line break would end the header and begin another one.
        let one_line = !subject.chars().any(char::is_control);
        if !one_line || !(1..=MAX_SUBJECT).contains(&subject.chars().count()) {
            let rule = "must be one line of 1 to 200 characters";
            violations.push(Violation::new(format!("{field}.subject"), "SUBJECT_INVALID", rule));
        }
        if !(1..=MAX_BODY).contains(&body.chars().count()) {
            let rule = "must be 1 to 100,000 characters";
            violations.push(Violation::new(format!("{field}.body"), "BODY_INVALID", rule));
        }
        if violations.is_empty() { Ok(Self { subject: subject.to_owned(), body }) } else { Err(violations) }
    }

    /// A text that [`Text::parse`] accepted before, as a store kept it.
    #[must_use]
    pub fn restore(subject: String, body: String) -> Self {
        Self { subject, body }
    }

    /// The subject line.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The body.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_one_line_and_both_must_be_there() {
        assert!(
            Text::parse("text", " Hello ", "World".to_owned()).is_ok_and(|text| text.subject() == "Hello")
        );
        let fields = Text::parse("text", "a\nb", String::new()).unwrap_err();
        assert_eq!(
            fields.iter().map(|v| v.field.as_str()).collect::<Vec<_>>(),
            ["text.subject", "text.body"]
        );
    }

    #[test]
    fn parameters_are_few_and_short() {
        let one = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert!(check_parameters("p", &one("email", "a@b.de")).is_ok());
        for wrong in [one("", "x"), one(&"n".repeat(65), "x"), one("n", &"x".repeat(1_025))] {
            assert_eq!(check_parameters("p", &wrong).unwrap_err()[0].reason, "PARAMETER_INVALID");
        }
        let many = (0..33).map(|n| (n.to_string(), String::new())).collect();
        assert_eq!(check_parameters("p", &many).unwrap_err()[0].reason, "TOO_MANY_PARAMETERS");
    }
}
