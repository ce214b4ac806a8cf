//! The reconciliation: proves the books against themselves and against the provider's, and takes up what the
//! provider has decided.
//!
//! A run goes [through the books](books), [through what was asked for](asked), [through what the provider
//! lists](theirs), [through our own operations](ours), and at last through what nobody could decide. It runs beside
//! the traffic and takes no lock on it. That it finds nothing wrong which is right rests on the order of its reads:
//! - A book is read before its entries. Entries never change and each makes a version, so those up to the version
//!   that was read add up to the balance that was read, whatever was appended since.
//! - An entry is read before its operation, and when an entry is missed, the operation before the entries. Both were
//!   kept in one commit, and neither changes after it.
//! - A transaction of the provider is read before our operation. An operation is durable here before the provider is
//!   asked, so whatever the provider lists is here by then.
//! - Our operation is read as ended before the provider is asked about it. The provider has done it before we say so,
//!   so it must know of it by then.
//! - An operation that has ended never changes, and neither does what the provider says of one that has. Only "open"
//!   here and "pending" there may be old; neither is taken for a difference.

mod asked;
mod books;
mod entries;
mod healing;
mod nightly;
mod ours;
mod pages;
mod report;
mod run;
mod seen;
mod theirs;
mod twice;
mod verdict;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nightly::again_and_again;
pub use report::{Finding, FindingKind, MAX_FINDINGS, Report, Total};
use run::Run;
use tokio_util::sync::CancellationToken;

use super::{
    Books, DriverHandle,
    driver::{Begun, outcome},
};
use crate::{
    domain::{Payment, PaymentId, State},
    error::Error,
    provider::Provider,
};

/// Proves the books, one run at a time. Clones share everything.
#[derive(Clone)]
pub struct Reconciliation(Arc<Inner>);

struct Inner {
    books: Books,
    provider: Arc<dyn Provider>,
    driver: DriverHandle,
    every: Duration,
    /// Held by the run.
    turn: tokio::sync::Mutex<()>,
    last: Mutex<Option<Report>>,
}

impl std::fmt::Debug for Reconciliation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconciliation").field("every", &self.0.every).finish_non_exhaustive()
    }
}

impl Reconciliation {
    /// A reconciliation of `books` with those of `provider`, which asks `driver` for what is to be taken up, and
    /// runs by itself once in `every`.
    #[must_use]
    pub fn new(books: Books, provider: Arc<dyn Provider>, driver: DriverHandle, every: Duration) -> Self {
        let (turn, last) = (tokio::sync::Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { books, provider, driver, every, turn, last }))
    }

    /// Proves everything now. The report is told in one line of the log, an error if something does not agree.
    /// Dropping the future ends the run; what it has taken up is driven on.
    ///
    /// # Errors
    /// [`Error::ReconciliationRunning`]; [`Error::ProviderUnavailable`] and [`Error::Unavailable`] when the
    /// provider's books or ours could not be read to their end: then [`Reconciliation::last`] has what was found by
    /// then.
    pub async fn run(&self) -> Result<Report, Error> {
        let inner = &*self.0;
        let _turn = inner.turn.try_lock().map_err(|_| Error::ReconciliationRunning)?;
        let mut run = Run::begin(inner);
        let proved = inner.prove(&mut run.report).await;
        run.end(proved)
    }

    /// Takes up a payment whose operation was given up, and answers with it as soon as it stands still, or as far
    /// as it has come when the caller's time is over.
    ///
    /// # Errors
    /// [`Error::PaymentNotFound`], [`Error::NothingToResume`], [`Error::BookContended`], [`Error::Unavailable`].
    pub async fn resume(&self, id: PaymentId) -> Result<Payment, Error> {
        let at = self.0.books.standing(id).await?;
        let (state, open) = (at.payment.state, at.open.map(|open| open.key));
        let open = open.filter(|_| state == State::NeedsReconciliation);
        let open = open.ok_or(Error::NothingToResume { payment: id, state })?;
        self.0.take_up(open).await?;
        self.0.driver.nudge(id);
        let payment = self.0.books.standing(id).await?.payment;
        Ok(outcome(Begun { payment, watch: self.0.driver.watch(id) }).await)
    }

    /// The report of the last run since the service started, also of one that did not come to its end.
    ///
    /// # Errors
    /// [`Error::ReportNotFound`] before the first.
    pub fn last(&self) -> Result<Report, Error> {
        let last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.clone().ok_or(Error::ReportNotFound)
    }

    /// Runs again and again until `shutdown`: the first time one to five minutes after the start, then each time
    /// that the configured time has passed, which also bounds the first wait. A run that failed is repeated sooner.
    pub async fn run_nightly(&self, shutdown: CancellationToken) {
        let run = || self.run();
        shutdown.run_until_cancelled(again_and_again(self.0.every, run)).await;
    }
}
