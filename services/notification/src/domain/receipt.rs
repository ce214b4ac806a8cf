//! What somebody who pays is to be told.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Content;

/// A mail about a payment that has no address yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who pays, or would have paid.
    pub user: Uuid,
    /// From which template it is written.
    pub template: &'static str,
    parameters: BTreeMap<String, String>,
}

impl Receipt {
    /// An empty receipt for a user.
    #[must_use]
    pub fn new(template: &'static str, user: Uuid) -> Self {
        Self { user, template, parameters: BTreeMap::new() }
    }

    /// The receipt with one value more.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, value: impl ToString) -> Self {
        self.parameters.insert(parameter.to_owned(), value.to_string());
        self
    }

    /// What it says.
    #[must_use]
    pub fn content(self) -> Content {
        Content::Template { name: self.template.to_owned(), parameters: self.parameters }
    }
}
