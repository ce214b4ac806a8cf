//! What each token makes of a request.

use std::time::Duration;

use proto::provider::v1::{Kind, Status, Transaction};
use provider_sandbox::SandboxConfig;
use tonic::Code;

use crate::bench::{Bench, order, told, until, with};

/// Longer than a request takes to be heard, and no longer than a test likes to wait.
const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_declining_token_declines_its_own_kind_and_nothing_else() {
    let bench = Bench::start().await;
    let lives = [[Kind::Authorize, Kind::Capture, Kind::Refund].as_slice(), &[Kind::Authorize, Kind::Void]];
    let declining = [
        ("tok_decline", Kind::Authorize, "insufficient_funds"),
        ("tok_decline_capture", Kind::Capture, "capture_refused"),
        ("tok_decline_refund", Kind::Refund, "refund_refused"),
    ];
    for (token, declined, code) in declining {
        for (life, kinds) in lives.iter().enumerate() {
            for (number, kind) in (1..).zip(*kinds) {
                let key = format!("{token}-{life}:{number}");
                let done = bench.asker.execute(with(token, &key, *kind, 100)).await.unwrap();
                if *kind == declined {
                    assert_eq!((done.status(), done.decline_code.as_str()), (Status::Declined, code));
                    break;
                }
                assert_eq!(done.status(), Status::Settled, "{key}");
            }
        }
    }
    bench.stop().await;
}

#[tokio::test]
async fn a_decline_moves_no_money() {
    let bench = Bench::start().await;
    bench.asker.execute(with("tok_decline", "p:1", Kind::Authorize, 100)).await.unwrap();
    let refused = bench.asker.execute(order("p:2", Kind::Capture, 100)).await.unwrap_err();
    assert_eq!(told(&refused).1, "NOT_AUTHORIZED");
    bench.asker.execute(order("p:3", Kind::Authorize, 100)).await.unwrap();
    bench.asker.execute(with("tok_decline_capture", "p:4", Kind::Capture, 100)).await.unwrap();
    let voided = bench.asker.execute(order("p:5", Kind::Void, 100)).await.unwrap();
    assert_eq!(voided.status(), Status::Settled, "it is still held");
    bench.stop().await;
}

#[tokio::test]
async fn a_token_that_nobody_knows_is_declined() {
    let bench = Bench::start().await;
    for token in ["tok_okay", "4111111111111111", "TOK_OK"] {
        let request = with(token, &format!("{token}:1"), Kind::Authorize, 100);
        let done = bench.asker.execute(request).await.unwrap();
        assert_eq!((done.status(), done.decline_code.as_str()), (Status::Declined, "unknown_token"));
    }
    bench.stop().await;
}

#[tokio::test]
async fn the_first_try_of_each_key_fails_and_does_nothing() {
    let bench = Bench::start().await;
    for (key, kind) in [("p:1", Kind::Authorize), ("p:2", Kind::Capture)] {
        let request = with("tok_5xx_once", key, kind, 100);
        let failed = bench.asker.execute(request.clone()).await.unwrap_err();
        assert_eq!(told(&failed), (Code::Internal, "FAILED_ON_PURPOSE".to_owned()));
        assert_eq!(bench.asker.lookup(key).await, None);
        let done = bench.asker.execute(request.clone()).await.unwrap();
        assert_eq!(done.status(), Status::Settled);
        assert_eq!(bench.asker.execute(request).await.unwrap(), done);
    }
    bench.stop().await;
}

#[tokio::test]
async fn the_first_try_of_each_key_is_done_and_never_answered() {
    let bench = Bench::start().await;
    for (key, kind) in [("p:1", Kind::Authorize), ("p:2", Kind::Capture)] {
        let request = with("tok_timeout_after_commit", key, kind, 100);
        let late = bench.asker.execute_within(SOON, request.clone()).await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
        until(async || bench.asker.lookup(key).await.is_some()).await;
        let done = bench.asker.execute(request).await.unwrap();
        assert_eq!(done.status(), Status::Settled);
        assert_eq!(bench.asker.lookup(key).await, Some(done));
    }
    assert_eq!(bench.asker.all().await.len(), 2);
    bench.stop().await;
}

#[tokio::test]
async fn a_slow_answer_is_of_something_that_is_done() {
    let slow_by = Duration::from_secs(3_600);
    let bench = Bench::start_with(SandboxConfig { slow_by, ..SandboxConfig::default() }).await;
    let request = with("tok_slow", "p:1", Kind::Authorize, 100);
    for _ in 0..2 {
        let late = bench.asker.execute_within(SOON, request.clone()).await.unwrap_err();
        assert_eq!(late.code(), Code::DeadlineExceeded);
        until(async || bench.asker.lookup("p:1").await.is_some()).await;
        assert_eq!(bench.asker.lookup("p:1").await.unwrap().status(), Status::Settled);
    }
    bench.stop().await;
    let slow_by = Duration::from_millis(1);
    let bench = Bench::start_with(SandboxConfig { slow_by, ..SandboxConfig::default() }).await;
    assert_eq!(bench.asker.execute(request).await.unwrap().status(), Status::Settled);
    bench.stop().await;
}

#[tokio::test]
async fn what_is_taken_on_is_pending_until_it_is_settled() {
    let bench = Bench::start().await;
    let request = with("tok_dup_webhook", "p:1", Kind::Authorize, 100);
    let pending = bench.asker.execute(request.clone()).await.unwrap();
    assert_eq!(pending.status(), Status::Pending);
    assert_eq!(bench.asker.lookup("p:1").await.unwrap(), pending);
    assert_eq!(bench.asker.execute(request.clone()).await.unwrap(), pending);
    let refused = bench.asker.execute(order("p:2", Kind::Capture, 100)).await.unwrap_err();
    assert_eq!(told(&refused), (Code::Aborted, "OPERATION_PENDING".to_owned()));

    bench.settle();
    until(async || bench.asker.lookup("p:1").await.unwrap().status() == Status::Settled).await;
    let settled = Transaction { status: Status::Settled.into(), ..pending };
    assert_eq!(bench.asker.execute(request).await.unwrap(), settled);
    bench.asker.execute(order("p:2", Kind::Capture, 100)).await.unwrap();
    bench.asker.execute(with("tok_dup_webhook", "p:3", Kind::Refund, 60)).await.unwrap();
    until(async || bench.asker.lookup("p:3").await.unwrap().status() == Status::Settled).await;
    let refused = bench.asker.execute(order("p:4", Kind::Refund, 41)).await.unwrap_err();
    assert_eq!(told(&refused).1, "ABOVE_CAPTURED", "what was settled late is in the books");
    bench.stop().await;
}
