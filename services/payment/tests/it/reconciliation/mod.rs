//! The reconciliation, against the real provider's own books.

mod books;
mod differences;
mod healing;
mod listing;
mod rows;
mod runs;
mod shelf;
mod webhook;

use std::time::Duration;

use payment::domain::PaymentId;
use proto::{
    payment::v1::{ReconcileRequest, Report, finding},
    provider::v1::{ExecuteRequest, Kind, Status},
};

use crate::{
    conformance::support::id,
    world::{START, Setup, World},
};

/// Nothing is driven but what callers begin and what somebody asks to be.
const QUIET: Setup = Setup { sweeps: false, ..Setup::DEFAULT };

/// The report of a run.
async fn reconcile(world: &mut World) -> Report {
    world.reconciliation.reconcile(ReconcileRequest {}).await.unwrap().into_inner().report.unwrap()
}

/// What a report found: in which way, about what.
fn found(report: &Report) -> Vec<(finding::Kind, &str)> {
    let found = report.findings.iter().map(|finding| (finding.kind(), finding.operation.as_str()));
    assert_eq!(report.finding_count, i64::try_from(report.findings.len()).unwrap());
    found.collect()
}

/// Has the provider do something, whoever asked for it.
async fn done_there(world: &World, token: &str, key: &str, kind: Kind, amount_minor: i64) -> Status {
    let request = ExecuteRequest {
        key: key.to_owned(),
        kind: kind.into(),
        amount_minor,
        currency: "EUR".to_owned(),
        payment_method: token.to_owned(),
    };
    world.provider.clone().execute(request).await.unwrap().into_inner().transaction.unwrap().status()
}

/// Waits until `holds`.
async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let waited = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waited).await.expect("it never came to hold");
}

/// The `n`th payment that a test makes by itself.
fn nth(n: u64) -> PaymentId {
    id(n, START)
}

/// Its operation of this number.
fn key(n: u64, seq: u32) -> String {
    format!("{}:{seq}", nth(n))
}
