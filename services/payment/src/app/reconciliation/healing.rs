//! Taking up what is open here and has ended at the provider.

use std::time::Duration;

use tokio::time::Instant;

use super::{FindingKind, Inner, Report};
use crate::{
    app::StepError,
    domain::{Operation, ProviderKey, Refused, State},
    error::Error,
};

/// Open operations read at once.
const PAGE: usize = 256;

/// How long the operations of one page may take to end. What has not by then is driven on all the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether they have.
const PAUSE: Duration = Duration::from_millis(50);

impl Inner {
    /// Has these operations driven, those first taken up that were given up, and counts which have ended.
    pub(super) async fn heal(&self, mut open: Vec<ProviderKey>, report: &mut Report) -> Result<(), Error> {
        let mut at_work = Vec::with_capacity(open.len());
        for key in open.drain(..) {
            if self.take_up(key).await? {
                self.driver.nudge(key.payment);
                at_work.push(key);
            }
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
            let page = self.books.store().open_operations(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key);
            for open in page {
                let at = self.books.standing(open.key.payment).await?;
                if at.payment.state == State::NeedsReconciliation && !report.tells_of(open.key) {
                    let description = format!("{:?} of {} was given up", open.kind, open.amount);
                    report.find(FindingKind::Undecided, &open.key.to_string(), description);
                }
            }
        }
    }

    /// Whether the operation is still open; one that was given up is taken up again.
    pub(super) async fn take_up(&self, key: ProviderKey) -> Result<bool, Error> {
        let at = self.books.standing(key.payment).await?;
        let is_it = |open: &&Operation| open.key == key;
        if at.open.as_ref().filter(is_it).is_none() {
            return Ok(false);
        }
        if at.payment.state != State::NeedsReconciliation {
            return Ok(true);
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
                Ok(true)
            }
            // Somebody else was quicker.
            Err(StepError::Refused { .. }) => Ok(false),
            Err(StepError::Store(error)) => Err(error.into()),
        }
    }
}
