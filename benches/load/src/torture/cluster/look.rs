//! What is there when all is quiet, or the wait for that was given up.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use mesh_rig::{history::Found, smtp::Mailbox};
use tokio::time::{Instant, sleep};

use crate::torture::{
    api::Api,
    ground::Servers,
    journal::Journal,
    mails,
    observe::observe,
    quiesce::{Patience, quiesce},
};

/// How long everything together may take to become quiet: an event that failed three times comes again after ten
/// minutes, or some more.
pub(super) const QUIET_WITHIN: Duration = Duration::from_secs(900);
/// How long something may be left while nothing changes, unless an event waits to come again: longer than the second
/// step of the consumers' ladder, and than an intent is waited for that nobody committed.
const STALLED_AFTER: Duration = Duration::from_secs(90);
/// What the names of queues contain in which events wait to come again.
const WAITING: &str = ".wait.";
/// The wait between two looks.
const AGAIN: Duration = Duration::from_secs(2);

/// Waits until nothing is under way, but not longer than `within`, looks at everything, and writes it down.
///
/// # Errors
/// When somebody does not answer.
pub(super) async fn look(
    api: &Api,
    ground: &Servers,
    journal: &Arc<Journal>,
    mailbox: &Mailbox,
    within: Duration,
) -> anyhow::Result<()> {
    let known = journal.known();
    let mut left = settled(api, ground, journal, within).await?;
    let seen = observe(api, &known).await.context("cannot see what is there")?;
    let disk = ground.look(&seen.people).await.context("cannot see what is in the stores")?;
    left.extend(disk.under_way);
    left.extend(seen.misplaced);
    left.sort_unstable();
    left.dedup();
    journal.quiet(left);
    let mails = mails::arrived(mailbox).await.into_iter().map(Found::Mail);
    seen.found.into_iter().chain(disk.profiles).chain(mails).for_each(|found| journal.found(found));
    Ok(())
}

/// What is left when nothing is under way any more, or for too long.
async fn settled(
    api: &Api,
    ground: &Servers,
    journal: &Journal,
    within: Duration,
) -> anyhow::Result<Vec<String>> {
    let (begin, known) = (Instant::now(), journal.known());
    let mut since = (begin, Vec::new());
    loop {
        let bound = within.saturating_sub(begin.elapsed());
        let patience = Patience { bound, stalled_after: Some(STALLED_AFTER) };
        let mut left = quiesce(api, &known, patience).await.context("cannot see what is left")?;
        let is_stalled = !left.is_empty();
        let under_way = ground.look(&[]).await.context("cannot see what is in the stores")?.under_way;
        let waits = under_way.iter().any(|told| told.contains(WAITING));
        // What has just gone out of a queue has its effect after the look at everybody that came before.
        let moved = under_way != since.1;
        if moved {
            since = (Instant::now(), under_way.clone());
        }
        let is_over = begin.elapsed() >= within
            || (under_way.is_empty() && !is_stalled)
            || (!waits && !moved && (is_stalled || since.0.elapsed() >= STALLED_AFTER));
        if is_over {
            left.extend(under_way);
            return Ok(left);
        }
        sleep(AGAIN).await;
    }
}
