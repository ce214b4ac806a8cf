//! The broker away under load, in small; a whole minute of it is `load outage`.

use std::{path::PathBuf, time::Duration};

use load::outage::{Plan, run};

use crate::process::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_costs_no_call_and_no_mail() {
    let plan = Plan {
        beside: PathBuf::from(PROGRAM),
        rate: 10,
        length: Duration::from_secs(8),
        away: Duration::from_secs(4),
        kill: false,
    };
    let report = run(&plan).await.unwrap();
    report.judge().unwrap_or_else(|wrong| panic!("{wrong:#}\n{report}"));
    let meanwhile = report.calls.iter().filter(|call| call.begun >= report.gone && call.begun < report.back);
    assert!(meanwhile.count() > 0, "nobody called while the broker was away\n{report}");
}
