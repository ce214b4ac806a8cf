//! The templates that notifications are written from, compiled into the program and tried at start.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use thiserror::Error;

/// The template of the mail to new users.
pub const WELCOME: &str = "welcome";

/// The template of the receipt for money that was taken.
pub const PAYMENT_CAPTURED: &str = "payment_captured";

/// The template of the receipt for money that was given back.
pub const PAYMENT_REFUNDED: &str = "payment_refunded";

/// The template of the mail about money that was let go.
pub const PAYMENT_CANCELED: &str = "payment_canceled";

/// The template of the mail about a payment that was refused.
pub const PAYMENT_FAILED: &str = "payment_failed";

/// A template's sources, by its name and the parameters it asks for.
macro_rules! source {
    ($name:ident, $file:literal, $parameters:expr) => {
        Source {
            name: $name,
            parameters: $parameters,
            subject: include_str!(concat!("../templates/", $file, ".subject")),
            text: include_str!(concat!("../templates/", $file, ".txt")),
            html: include_str!(concat!("../templates/", $file, ".html")),
        }
    };
}

/// Every template.
const SOURCES: [Source; 5] = [
    source!(WELCOME, "welcome", &["email"]),
    // "released" is empty when nothing is, and "reason" when there is none to tell.
    source!(
        PAYMENT_CAPTURED,
        "payment_captured",
        &["amount", "authorized", "released", "payment_id", "date"]
    ),
    source!(
        PAYMENT_REFUNDED,
        "payment_refunded",
        &["amount", "total_refunded", "captured", "payment_id", "date"]
    ),
    source!(PAYMENT_CANCELED, "payment_canceled", &["amount", "reason", "payment_id", "date"]),
    source!(PAYMENT_FAILED, "payment_failed", &["amount", "reason", "payment_id", "date"]),
];

struct Source {
    name: &'static str,
    parameters: &'static [&'static str],
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

/// A message written from a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// One line.
    pub subject: String,
    /// For readers that show text.
    pub text: String,
    /// For readers that show HTML; what came from users is escaped.
    pub html: String,
}

/// Why nothing could be written.
#[derive(Debug, Error)]
pub enum TemplateError {
    /// There is no template of this name.
    #[error("there is no template {0:?}")]
    Unknown(String),
    /// A parameter is missing.
    #[error("the template {template:?} needs the parameter {parameter:?}")]
    Missing {
        /// Which template.
        template: String,
        /// Which parameter.
        parameter: &'static str,
    },
    /// The template itself is wrong.
    #[error("the template {template:?} cannot be rendered")]
    Broken {
        /// Which template.
        template: String,
        /// What is wrong with it.
        #[source]
        source: minijinja::Error,
    },
}

/// All templates, compiled.
#[derive(Debug)]
pub struct Templates(Environment<'static>);

impl Templates {
    /// Compiles every template and renders it once with sample values, so that a broken one is found now.
    ///
    /// # Errors
    /// [`TemplateError::Broken`] for the first one that does not work.
    pub fn load() -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_recursion_limit(16);
        for source in &SOURCES {
            for (part, text) in [("subject", source.subject), ("txt", source.text), ("html", source.html)] {
                // The ending decides about escaping: only .html is.
                environment
                    .add_template_owned(format!("{}.{part}", source.name), text)
                    .map_err(|error| broken(source.name, error))?;
            }
        }
        let templates = Self(environment);
        for source in &SOURCES {
            let sample =
                source.parameters.iter().map(|name| ((*name).to_owned(), "sample".to_owned())).collect();
            templates.render(source.name, &sample)?;
        }
        Ok(templates)
    }

    /// Writes the message of template `name`.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn render(
        &self,
        name: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Rendered, TemplateError> {
        let source = source(name, parameters)?;
        let part = |ending: &str| {
            let template = self.0.get_template(&format!("{}.{ending}", source.name));
            template.and_then(|template| template.render(parameters)).map_err(|error| broken(name, error))
        };
        Ok(Rendered { subject: one_line(&part("subject")?), text: part("txt")?, html: part("html")? })
    }

    /// Writes only the subject line.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn subject(
        &self,
        name: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<String, TemplateError> {
        let source = source(name, parameters)?;
        let template = self.0.get_template(&format!("{}.subject", source.name));
        let subject = template.and_then(|template| template.render(parameters));
        subject.map(|subject| one_line(&subject)).map_err(|error| broken(name, error))
    }
}

fn source(name: &str, parameters: &BTreeMap<String, String>) -> Result<&'static Source, TemplateError> {
    let source = SOURCES.iter().find(|source| source.name == name);
    let source = source.ok_or_else(|| TemplateError::Unknown(name.to_owned()))?;
    match source.parameters.iter().find(|parameter| !parameters.contains_key(**parameter)) {
        None => Ok(source),
        Some(parameter) => Err(TemplateError::Missing { template: name.to_owned(), parameter }),
    }
}

fn broken(template: &str, source: minijinja::Error) -> TemplateError {
    TemplateError::Broken { template: template.to_owned(), source }
}

/// A subject is a header: a line break in a parameter must not begin another one.
fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
