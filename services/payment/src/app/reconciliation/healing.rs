//! Taking up what is open here and has ended at the provider.

use std::time::Duration;

use tokio::time::Instant;

use super::{FindingKind, Inner, Report};
use crate::{
    app::StepError,
    domain::{Operation, ProviderKey, Refused, State},
    error::Error,
};

/// Operations read at once.
const PAGE: usize = 256;

/// How long what was taken up of one page may take to end. What has not by then is driven on all the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether it has.
const PAUSE: Duration = Duration::from_millis(250);

/// What there was to do about an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakenUp {
    /// It had been given up, and is taken up again.
    Again,
    /// Nothing: it is under way.
    UnderWay,
    /// Nothing: it has ended, or somebody else was quicker.
    No,
}

impl Inner {
    /// Has these operations driven, those first taken up that were given up, and counts which of those have ended.
    /// What is merely under way ends by itself: that is ordinary traffic, and is not waited for.
    pub(super) async fn heal(&self, open: Vec<ProviderKey>, report: &mut Report) -> Result<(), Error> {
        let mut at_work = Vec::new();
        for key in open {
            match self.take_up(key).await? {
                TakenUp::No => continue,
                TakenUp::UnderWay => {}
                TakenUp::Again => at_work.push(key),
            }
            self.driver.nudge(key.payment);
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut left = Vec::with_capacity(at_work.len());
            for key in at_work {
                match self.books.store().operation(key).await? {
                    Some(operation) if operation.is_open() => left.push(key),
                    _ => report.healed += 1,
                }
            }
            at_work = left;
            if at_work.is_empty() || Instant::now() >= deadline {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Tells of every operation that was given up, unless the run has found out more about it.
    pub(super) async fn tell_undecided(&self, report: &mut Report) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.books.store().given_up(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key);
            for given_up in page.iter().filter(|given_up| given_up.is_open()) {
                // It may have been taken up since, and a payment that is not there is another finding.
                let at = self.books.store().payment(given_up.key.payment).await?;
                let is_undecided = at.is_some_and(|at| {
                    let is_it = at.open.is_some_and(|open| open.key == given_up.key);
                    is_it && at.payment.state == State::NeedsReconciliation
                });
                if is_undecided && !report.tells_of(given_up.key) {
                    let description = format!("{:?} of {} was given up", given_up.kind, given_up.amount);
                    report.find(FindingKind::Undecided, &given_up.key.to_string(), description);
                }
            }
        }
    }

    /// Takes the operation up again if it is open and was given up.
    pub(super) async fn take_up(&self, key: ProviderKey) -> Result<TakenUp, Error> {
        let Some(at) = self.books.store().payment(key.payment).await? else { return Ok(TakenUp::No) };
        let is_it = |open: &&Operation| open.key == key;
        if at.open.as_ref().filter(is_it).is_none() {
            return Ok(TakenUp::No);
        }
        if at.payment.state != State::NeedsReconciliation {
            return Ok(TakenUp::UnderWay);
        }
        let taken_up = self
            .books
            .step(at, None, |at, now| {
                let open = at.open.as_ref().filter(is_it).ok_or(Refused::NotOpen)?;
                at.payment.resume(open, now)
            })
            .await;
        match taken_up {
            Ok(_) => {
                tracing::info!(operation.key = %key, "taken up again");
                Ok(TakenUp::Again)
            }
            // Somebody else was quicker.
            Err(StepError::Refused { .. }) => Ok(TakenUp::No),
            Err(StepError::Store(error)) => Err(error.into()),
        }
    }
}
