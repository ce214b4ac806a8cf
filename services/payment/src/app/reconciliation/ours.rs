//! Our operations, against what the provider knows.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{
    FindingKind, Inner, Report,
    seen::Seen,
    verdict::{Verdict, must_be_known, verdict},
};
use crate::{domain::Operation, error::Error, provider::Transaction};

/// Operations read at once.
const PAGE: usize = 1_000;

/// Operations that the provider is asked about at once.
const LANES: usize = 16;

impl Inner {
    /// Sees to it that the provider knows of every operation of ours that has ended, except those that it refused
    /// to do. Which of them it has listed is known by `seen`; it is asked about the others.
    pub(super) async fn compare_ours(&self, mut seen: Seen, report: &mut Report) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.books.store().operations(after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key);
            for ours in page.iter().filter(|ours| must_be_known(ours)) {
                report.operations += 1;
                seen.take_off(ours.key);
            }
        }
        if !seen.is_even() {
            self.ask_about_uneven(&mut seen, report).await?;
        }
        // Whatever is uneven still is not one operation that was not listed.
        if seen.is_even() { Ok(()) } else { self.count_again(&seen, report).await }
    }

    /// Asks about every operation of which it is not known that it was listed.
    async fn ask_about_uneven(&self, seen: &mut Seen, report: &mut Report) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = self.books.store().operations(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.key);
            // What was listed and found wrong need not be asked about, and what cannot be read there never could.
            let unknown: Vec<_> = page
                .into_iter()
                .filter(|ours| must_be_known(ours) && !seen.is_even_about(ours.key))
                .filter(|ours| !report.tells_of(ours.key))
                .collect();
            let asked = stream::iter(unknown).map(async |ours| {
                let theirs = self.provider.lookup(ours.key).await?;
                Ok::<_, Error>((ours, theirs))
            });
            let answers: Vec<_> = asked.buffered(LANES).try_collect().await?;
            for (ours, theirs) in answers {
                judge(&ours, theirs, report);
                if seen.lacks_only(ours.key) {
                    seen.add(ours.key);
                }
            }
        }
    }

    /// Asks about one operation that has ended.
    pub(super) async fn ask_about(&self, ours: &Operation, report: &mut Report) -> Result<(), Error> {
        judge(ours, self.provider.lookup(ours.key).await?, report);
        Ok(())
    }
}

/// Judges what the provider says of an operation after it has ended here.
fn judge(ours: &Operation, theirs: Option<Transaction>, report: &mut Report) {
    let key = ours.key.to_string();
    let Some(theirs) = theirs else {
        let description = format!("{:?} of {} of which the provider knows nothing", ours.kind, ours.amount);
        return report.find(FindingKind::MissingThere, &key, description);
    };
    match verdict(ours, &theirs) {
        Verdict::Agree | Verdict::Open => {}
        Verdict::Late => {
            report.find(FindingKind::StateMismatch, &key, "ended here, still pending there".to_owned());
        }
        Verdict::Differ(kind, description) => report.find(kind, &key, description),
    }
}
