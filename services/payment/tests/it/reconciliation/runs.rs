//! Runs: one at a time, beside the traffic, and by themselves.

use std::time::Duration;

use futures_util::FutureExt as _;
use payment::{error::Error, store::PaymentStore as _};
use proto::{
    payment::v1::{
        CreatePaymentRequest, GetReportRequest, ReconcileRequest, RefundPaymentRequest,
        finding::Kind as Found,
    },
    provider::v1::Kind,
};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::{QUIET, done_there, found, key, nth, reconcile, until};
use crate::{
    conformance::support::{captured, create, euro, new, take},
    world::{START, Setup, World, order, told},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_run_is_refused_until_the_first_is_over_or_gone() {
    let mut world = World::start_with(QUIET).await;
    let reconciliation = world.service().reconciliation();
    let mute = world.mute_provider().await;
    let mut first = Box::pin(reconciliation.run());
    assert!(first.as_mut().now_or_never().is_none());
    let second = reconciliation.run().await;
    assert!(matches!(second, Err(Error::ReconciliationRunning)), "{second:?}");
    let refused = world.reconciliation.reconcile(ReconcileRequest {}).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Aborted, "RECONCILIATION_RUNNING".to_owned()));
    // Nobody waits for it any more, and it is in nobody's way.
    drop(first);
    drop(mute);
    world.start_provider().await;
    // The channel may still believe in the one that is gone.
    until(async || reconciliation.run().await.is_ok()).await;
    assert_eq!(reconcile(&mut world).await.finding_count, 0);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_report_can_be_had_again() {
    let mut world = World::start_with(QUIET).await;
    let none = world.reconciliation.get_report(GetReportRequest {}).await.unwrap_err();
    assert_eq!(told(&none), (Code::NotFound, "REPORT_NOT_FOUND".to_owned()));
    done_there(&world, "tok_ok", "x:1", Kind::Authorize, 1).await;
    let report = reconcile(&mut world).await;
    let last = world.reconciliation.get_report(GetReportRequest {}).await.unwrap().into_inner();
    assert_eq!(last.report, Some(report));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_cannot_be_finished_leaves_what_it_found() {
    let mut world = World::start_with(QUIET).await;
    let store = world.service().store.clone();
    captured(&store, 1, euro(100), START).await;
    create(&store, new(2, euro(100), START), None, START).await.unwrap();
    take(&store, nth(2), |payment| payment.give_up(START)).await.unwrap();
    world.stop_provider().await;
    let failed = world.reconciliation.reconcile(ReconcileRequest {}).await.unwrap_err();
    assert_eq!(told(&failed), (Code::Unavailable, "PROVIDER_UNAVAILABLE".to_owned()));
    let last = world.reconciliation.get_report(GetReportRequest {}).await.unwrap().into_inner();
    let report = last.report.unwrap();
    assert!(report.incomplete.starts_with("the provider is unavailable"), "{report:?}");
    assert_eq!(found(&report), [(Found::Undecided, key(2, 1).as_str())]);
    assert_eq!((report.books, report.entries, report.operations, report.transactions), (1, 2, 0, 0));

    // Nor is one lost that nobody waits for.
    let reconciliation = world.service().reconciliation();
    let mute = world.mute_provider().await;
    until(async || reconciliation.run().now_or_never().is_none()).await;
    drop(mute);
    assert_eq!(reconciliation.last().unwrap().incomplete.as_deref(), Some("nobody waited for its end"));

    world.start_provider().await;
    until(async || reconciliation.run().await.is_ok()).await;
    assert_eq!(reconciliation.last().unwrap().incomplete, None);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_by_itself_again_and_again_and_over_failures() {
    let often = Setup { reconcile_every: Duration::from_millis(10), ..QUIET };
    let mut world = World::start_with(often).await;
    let reconciliation = world.service().reconciliation();
    let (stop, nightly) = (CancellationToken::new(), reconciliation.clone());
    let token = stop.clone();
    let running = tokio::spawn(async move { nightly.run_nightly(token).await });
    let has_seen = |transactions| {
        let reconciliation = reconciliation.clone();
        until(async move || reconciliation.last().is_ok_and(|report| report.transactions == transactions))
    };
    has_seen(0).await;
    world.stop_provider().await;
    world.start_provider().await;
    done_there(&world, "tok_ok", "x:1", Kind::Authorize, 1).await;
    has_seen(1).await;
    stop.cancel();
    running.await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_makes_no_findings() {
    let mut world = World::start().await;
    let user = world.user("ada@example.org").await;
    let tokens = ["tok_ok", "tok_dup_webhook", "tok_5xx_once", "tok_decline", "tok_decline_refund"];
    let payers = (0..8).map(|payer| {
        let (mut payments, user) = (world.payments.clone(), user.clone());
        tokio::spawn(async move {
            for n in 0..12 {
                let order = CreatePaymentRequest {
                    capture_immediately: true,
                    ..order(&user, 1_000, tokens[n % tokens.len()], &format!("{payer}/{n}"))
                };
                let payment = payments.create_payment(order).await.unwrap().into_inner().payment.unwrap();
                let refund = RefundPaymentRequest {
                    payment_id: payment.payment_id,
                    amount: Some(crate::world::money(400)),
                    request_id: format!("{payer}/{n}/refund"),
                };
                // Refused when nothing was captured (yet).
                let _ = payments.refund_payment(refund).await;
            }
        })
    });
    let paying = futures_util::future::join_all(payers.collect::<Vec<_>>());
    tokio::pin!(paying);
    let mut runs = 0;
    loop {
        let report = reconcile(&mut world).await;
        assert_eq!(found(&report), [], "{report:?}");
        runs += 1;
        if paying.as_mut().now_or_never().is_some() {
            break;
        }
    }
    let store = world.service().store.clone();
    until(async || store.open_operations(None, 1).await.unwrap().is_empty()).await;
    let report = reconcile(&mut world).await;
    assert_eq!(found(&report), [], "{report:?}");
    let (balance, total) = (world.balance(&user).await, &report.totals[0]);
    let kept = (balance.captured_minor, balance.refunded_minor);
    assert_eq!((total.captured_minor, total.refunded_minor), kept);
    assert!(runs > 0 && balance.captured_minor > 0);
    world.stop().await;
}
