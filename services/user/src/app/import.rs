//! Imports: many rows, each decided by itself, many on their way to the store at once.

use futures_util::{Stream, StreamExt as _, stream::FuturesOrdered};
use service_kit::{
    error::{Violation, common_reason, summary},
    requests::MAX_REQUEST_ID,
};

use super::{NewUser, Users};
use crate::{
    domain::{DisplayName, Email, Locale, UserId},
    error::Error,
    store::StoreError,
};

/// Rows of one import on their way to the store at once. The engine commits what waits together, so this
/// is also about how large its groups get.
const ROWS_IN_FLIGHT: usize = 1_024;

/// Problems told in the summary.
const PROBLEMS_TOLD: usize = 1_000;

/// A row as the caller sent it.
#[derive(Clone, Debug, Default)]
pub struct ImportRow {
    /// An address.
    pub email: String,
    /// A name.
    pub display_name: String,
    /// A language tag, or empty.
    pub locale: String,
    /// The name of the import, on its first row.
    pub import_id: String,
}

/// How an import went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows that are users now because of this import.
    pub created: u64,
    /// Rows whose address was taken.
    pub duplicate: u64,
    /// Rows that are not valid users.
    pub invalid: u64,
    /// The first rows that are not users now.
    pub problems: Vec<Problem>,
}

/// Why a row did not become a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which, counted from 1.
    pub row: u64,
    /// A short name.
    pub reason: &'static str,
    /// A sentence.
    pub description: String,
}

/// Why an import has no summary.
#[derive(Debug)]
pub enum ImportError<E> {
    /// The stream of rows ended in an error.
    Stream {
        /// Rows read before.
        rows: u64,
        /// The error.
        error: E,
    },
    /// The import was refused, or the store did not answer.
    Refused(Error),
}

impl<E> From<Error> for ImportError<E> {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// What became of a row.
enum Outcome {
    Created,
    Duplicate,
    Invalid(Vec<Violation>),
}

impl Users {
    /// Creates a user of every row that is a valid one with a free address.
    ///
    /// With an `import_id` the id of each user is derived from it, the row's number and its content: when a
    /// broken import is sent again, a row finds the user that it created before and counts it again.
    ///
    /// # Errors
    /// [`ImportError`]. Rows that were created stay.
    pub async fn import<E>(
        &self,
        rows: impl Stream<Item = Result<ImportRow, E>>,
    ) -> Result<Summary, ImportError<E>> {
        let mut rows = std::pin::pin!(rows);
        let mut under_way = FuturesOrdered::new();
        let mut summary = Summary::default();
        let mut import_id = String::new();
        let (mut read, mut decided) = (0_u64, 0_u64);
        let mut ended = false;
        while !(ended && under_way.is_empty()) {
            tokio::select! {
                biased;
                Some(outcome) = under_way.next() => {
                    decided += 1;
                    summary.add(decided, outcome?);
                }
                row = rows.next(), if !ended && under_way.len() < ROWS_IN_FLIGHT => match row {
                    Some(Ok(row)) => {
                        if read == 0 {
                            import_id = check_import_id(&row.import_id)?;
                        }
                        read += 1;
                        under_way.push_back(self.import_row(derive_id(&import_id, read, &row), row));
                    }
                    Some(Err(error)) => return Err(ImportError::Stream { rows: read, error }),
                    None => ended = true,
                },
            }
        }
        Ok(summary)
    }

    async fn import_row(&self, id: UserId, row: ImportRow) -> Result<Outcome, Error> {
        let new = match validate(&row) {
            Ok(new) => new,
            Err(violations) => return Ok(Outcome::Invalid(violations)),
        };
        match self.create_as(id, new, None).await {
            Ok(_) => Ok(Outcome::Created),
            // The address is taken by the user that this very row created before.
            Err(StoreError::EmailTaken { owner }) if owner == id => Ok(Outcome::Created),
            // The id is: that user has moved to another address since.
            Err(StoreError::RequestReused) => Ok(Outcome::Created),
            Err(StoreError::EmailTaken { .. }) => Ok(Outcome::Duplicate),
            Err(error) => Err(Error::of_user(error, id)),
        }
    }
}

impl Summary {
    fn add(&mut self, row: u64, outcome: Outcome) {
        match outcome {
            Outcome::Created => self.created += 1,
            Outcome::Duplicate => {
                self.duplicate += 1;
                self.tell(row, "EMAIL_TAKEN", "the e-mail address is taken".to_owned());
            }
            Outcome::Invalid(violations) => {
                self.invalid += 1;
                self.tell(row, common_reason(&violations), summary(&violations));
            }
        }
    }

    fn tell(&mut self, row: u64, reason: &'static str, description: String) {
        if self.problems.len() < PROBLEMS_TOLD {
            self.problems.push(Problem { row, reason, description });
        }
    }
}

/// The user that a row asks for.
fn validate(row: &ImportRow) -> Result<NewUser, Vec<Violation>> {
    let email = Email::parse("email", &row.email);
    let display_name = DisplayName::parse("display_name", &row.display_name);
    let locale = Locale::parse("locale", &row.locale);
    match (email, display_name, locale) {
        (Ok(email), Ok(display_name), Ok(locale)) => Ok(NewUser { email, display_name, locale }),
        (email, display_name, locale) => {
            Err([email.err(), display_name.err(), locale.err()].into_iter().flatten().collect())
        }
    }
}

fn check_import_id(import_id: &str) -> Result<String, Error> {
    if import_id.chars().count() > MAX_REQUEST_ID {
        let rule = format!("must be at most {MAX_REQUEST_ID} characters");
        return Err(Violation::new("import_id", "IMPORT_ID_TOO_LONG", rule).into());
    }
    Ok(import_id.to_owned())
}

fn derive_id(import_id: &str, number: u64, row: &ImportRow) -> UserId {
    if import_id.is_empty() {
        return UserId::random();
    }
    let mut name = Vec::with_capacity(128);
    for part in [import_id, &row.email, &row.display_name, &row.locale] {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part.as_bytes());
    }
    name.extend_from_slice(&number.to_be_bytes());
    UserId::derived(&name)
}
