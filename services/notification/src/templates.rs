//! The templates that notifications are written from, compiled into the program and tried at start.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior};
use thiserror::Error;

/// The template of the mail to new users.
pub const WELCOME: &str = "welcome";

/// Every template: its name, the parameters it asks for, and its sources.
const SOURCES: [Source; 1] = [Source {
    name: WELCOME,
    parameters: &["email"],
    subject: include_str!("../templates/welcome.subject"),
    text: include_str!("../templates/welcome.txt"),
    html: include_str!("../templates/welcome.html"),
}];

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
mod tests {
    use super::*;

    fn parameters(email: &str) -> BTreeMap<String, String> {
        BTreeMap::from([("email".to_owned(), email.to_owned())])
    }

    #[test]
    fn escapes_what_users_wrote_in_html_only() {
        let rendered = Templates::load().unwrap().render(WELCOME, &parameters("<b>@c.de")).unwrap();
        assert!(rendered.html.contains("&lt;b&gt;@c.de") && !rendered.html.contains("<b>@c.de"));
        assert!(rendered.text.contains("<b>@c.de"));
    }

    #[test]
    fn a_parameter_cannot_begin_a_header() {
        let rendered = Templates::load().unwrap().render(WELCOME, &parameters("a\r\nBcc: x")).unwrap();
        assert_eq!(rendered.subject, "Welcome, a  Bcc: x");
    }

    #[test]
    fn names_what_is_missing() {
        let templates = Templates::load().unwrap();
        let missing = templates.render(WELCOME, &BTreeMap::new()).unwrap_err();
        assert_eq!(missing.to_string(), "the template \"welcome\" needs the parameter \"email\"");
        let unknown = templates.subject("nothing", &BTreeMap::new()).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no template \"nothing\"");
    }
}
