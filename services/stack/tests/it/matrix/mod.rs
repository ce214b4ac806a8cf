//! The matrix: the stack dies at every point that has a name, at several turns, with callers who try again and with
//! callers who do not. Whatever was acknowledged is there, and nothing is there twice.

mod cases;
pub(crate) mod embedded;
pub(crate) mod servers;

use std::{collections::BTreeSet, fs, path::Path};

use futures_util::{StreamExt as _, stream};
use load::torture::{Programs, STORY, Setting, tell};
use tempfile::TempDir;
use tokio::time::Instant;

use self::cases::Case;
use crate::process::PROGRAM;

/// The points of which these are turns.
pub(crate) fn points(turns: &[(&'static str, &[u64])]) -> BTreeSet<&'static str> {
    turns.iter().map(|(point, _)| *point).collect()
}

/// Plays all cases, so many at once, and tells of all that failed.
async fn walk(cases: &[Case], at_once: usize, play: impl AsyncFn(&Case) -> Result<(), String>) {
    let begin = Instant::now();
    let told =
        stream::iter(cases).map(async |case| play(case).await.err().map(|why| format!("{case}: {why}")));
    let told: Vec<Option<String>> = told.buffer_unordered(at_once).collect().await;
    println!("{} cases in {:.1?}", cases.len(), begin.elapsed());
    let failures: Vec<_> = told.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// What is run for a case.
fn programs(case: &Case) -> Programs {
    // A payment's way leads across the street: there the provider lives on, and knows what the stack has forgotten.
    let start =
        if case.point.starts_with("payment.") { Programs::with_provider_here } else { Programs::alone };
    start(Path::new(PROGRAM))
}

/// Tells the story in the folder, with the crash in it.
async fn play(case: &Case, mut setting: Setting, folder: TempDir) -> Result<(), String> {
    setting.retries = case.retries;
    let crash = ("CRASH_AT".to_owned(), format!("{}#{}", case.point, case.turn));
    setting.environment.first.push(crash);
    let report = tell(&setting, &STORY).await.map_err(|error| format!("{error:#}"))?;
    let log = fs::read_to_string(folder.path().join("stack.log")).unwrap();
    let crashed = log.contains(&format!("stack: crashed at {}, time {}", case.point, case.turn));
    if !crashed || report.tally.crashes != 1 {
        return Err(format!("it ended {} times, {crashed} that there: {log}", report.tally.crashes));
    }
    if case.point == "mail.after-send" && report.mails_again == 0 {
        return Err("no mail arrived once more, so nobody saw whether one may".to_owned());
    }
    if !report.verdict.is_clean() {
        return Err(format!("{}\nin {}", report.verdict, folder.keep().display()));
    }
    Ok(())
}
