//! The random torture, in small: everything at once, the stack and its provider killed again and again, each while
//! the other lives, and the history judged. The same with 100,000 operations is `load torture`.

use std::{path::Path, time::Duration};

use load::torture::{Config, Programs, Setting, run};

use crate::process::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn random_operations_under_kills_break_no_invariant() {
    let folder = tempfile::tempdir().unwrap();
    let mut config =
        Config::new(Setting::new(Programs::with_provider_here(Path::new(PROGRAM)), folder.path()));
    (config.operations, config.clients) = (6_000, 32);
    config.kill_every = Some(Duration::from_secs(1));
    let report = run(&config).await.unwrap();
    assert!(report.verdict.is_clean(), "{}\nin {}", report.verdict, folder.keep().display());
    let kills: u64 = report.tally.kills.values().sum();
    assert!(kills >= 3, "too little was killed: {:?}", report.tally);
    assert_eq!(report.tally.crashes, 0, "a program ended by itself: {:?}", report.tally);
}
