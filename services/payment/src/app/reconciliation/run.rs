//! One run. However it ends, what it has found by then is told and kept.

use std::{sync::PoisonError, time::Duration};

use super::{Inner, Report};
use crate::{error::Error, provider::ProviderError};

/// The longest that the provider's books are read, so that a list without an end does not keep the next run away.
const LONGEST: Duration = Duration::from_secs(4 * 3_600);

/// A run under way.
pub(super) struct Run<'a> {
    inner: &'a Inner,
    pub(super) report: Report,
    is_kept: bool,
}

impl<'a> Run<'a> {
    pub(super) fn begin(inner: &'a Inner) -> Self {
        Self { inner, report: Report::begin(inner.books.now()), is_kept: false }
    }

    /// The report of a run that has come to its end, or why it has not.
    pub(super) fn end(mut self, how: Result<(), Error>) -> Result<Report, Error> {
        self.keep(how.as_ref().err().map(|error| mesh_telemetry::chain(error).to_string()));
        how.map(|()| self.report.clone())
    }

    fn keep(&mut self, incomplete: Option<String>) {
        self.is_kept = true;
        self.report.incomplete = incomplete;
        self.report.ended = self.inner.books.now();
        self.report.log();
        let report = Some(self.report.clone());
        *self.inner.last.lock().unwrap_or_else(PoisonError::into_inner) = report;
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.keep(Some("nobody waited for its end".to_owned()));
        }
    }
}

impl Inner {
    /// Proves everything, as far as it can be read.
    pub(super) async fn prove(&self, report: &mut Report) -> Result<(), Error> {
        self.prove_books(report).await?;
        let compared = match tokio::time::timeout(LONGEST, self.compare(report)).await {
            Ok(compared) => compared,
            Err(_) => Err(ProviderError::Unknown("its books came to no end".into()).into()),
        };
        // That needs no provider. It comes last, since what was found out is told rather than that nobody knew.
        let told = self.tell_undecided(report).await;
        compared.and(told)
    }

    async fn compare(&self, report: &mut Report) -> Result<(), Error> {
        let seen = self.compare_theirs(report).await?;
        self.compare_ours(seen, report).await
    }
}
