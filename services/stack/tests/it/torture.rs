//! The random torture, in small: everything at once, the process killed again and again, and the history judged. The
//! same with 100,000 operations is `load torture`.

use std::{path::Path, time::Duration};

use load::torture::{Config, Programs, Setting, run};

use crate::process::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn random_operations_under_kills_break_no_invariant() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(Setting::new(Programs::alone(Path::new(PROGRAM)), folder.path()));
    (config.operations, config.clients) = (6_000, 32);
    config.kill_every = Some(Duration::from_secs(1));
    let report = run(&config).await.unwrap();
    assert!(report.verdict.is_clean(), "{}\nin {}", report.verdict, folder.keep().display());
    assert!(!report.tally.kills.is_empty(), "nothing was killed: {:?}", report.tally);
}
