//! The matrix: the stack dies at every point that has a name, at several turns, with callers who try again and with
//! callers who do not. Whatever was acknowledged is there, and nothing is there twice.

mod cases;

use std::{fs, path::Path};

use futures_util::{StreamExt as _, stream};
use load::torture::{Programs, STORY, Setting, tell};

use self::cases::{Case, cases};
use crate::process::PROGRAM;

/// Cases at once: a case waits more than it computes.
const AT_ONCE: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_loses_and_doubles_nothing() {
    let cases = cases();
    println!("{} cases", cases.len());
    let told =
        stream::iter(&cases).map(async |case| play(case).await.err().map(|why| format!("{case}: {why}")));
    let told: Vec<Option<String>> = told.buffer_unordered(AT_ONCE).collect().await;
    let failures: Vec<_> = told.into_iter().flatten().collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Tells the story with the crash in it.
async fn play(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    // A payment's way leads across the street: there the provider lives on, and knows what the stack has forgotten.
    let start =
        if case.point.starts_with("payment.") { Programs::with_provider_here } else { Programs::alone };
    let mut setting = Setting::new(start(Path::new(PROGRAM)), folder.path());
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
