//! What the provider or the books do not do.

use std::{sync::Arc, time::Duration};

use redb::TableDefinition;
use tokio::time::Instant;

use super::{Bench, NOW, Scripted, not_done, unknown};
use crate::{
    app::{Kept, StepError},
    domain::{Outcome, Refused, State},
    provider::Answer,
    store::Standing,
};

#[tokio::test]
async fn an_authorization_that_is_not_possible_has_failed_only_if_nobody_asked_before() {
    let bench = Bench::new(Scripted::new([Err(not_done())])).await;
    let at = bench.begun(1).await;
    let id = at.payment.id;
    bench.desk.begin(at);
    bench.until(id, State::Failed).await;

    // The first answer is lost: it may have been done by then, and be what makes it impossible now.
    let bench = Bench::new(Scripted::new([Err(unknown()), Err(not_done())])).await;
    let at = bench.begun(1).await;
    bench.desk.begin(at);
    bench.until(id, State::NeedsReconciliation).await;

    // Nor is it known what another process did.
    let bench = Bench::new(Scripted::new([Err(not_done())])).await;
    bench.begun(1).await;
    assert!(bench.desk.adopt(id));
    bench.until(id, State::NeedsReconciliation).await;
}

/// Ends what is open as others would.
async fn settled_elsewhere(bench: &Bench, at: Standing) -> Standing {
    let settle = |at: &Standing, now| {
        let open = at.open.as_ref().ok_or(Refused::NotOpen)?;
        at.payment.settle(open, Outcome::Settled, now)
    };
    kept(bench.books.step(at, None, settle).await)
}

fn kept(step: Result<Kept, StepError>) -> Standing {
    match step {
        Ok(Kept::Now(at)) => *at,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_outcome_that_the_books_refuse_needs_somebody_to_look() {
    let bench = Bench::new(Scripted::new([Ok(Answer::Settled)])).await;
    let at = settled_elsewhere(&bench, bench.begun(1).await).await;
    let at = kept(bench.books.step(at, None, |at, now| at.payment.capture(None, now)).await);
    let at = settled_elsewhere(&bench, at).await;
    let at = kept(bench.books.step(at, None, |at, now| at.payment.refund(None, now)).await);
    // The reservation of the refund is lost, so its end can never be kept.
    let key = (at.payment.id.0.into_bytes(), at.payment.operations);
    let lose = move |txn: &redb::WriteTransaction| -> Result<Result<bool, ()>, redb::Error> {
        let pending = TableDefinition::<([u8; 16], u32), &[u8]>::new("payment.pending");
        let was_there = txn.open_table(pending)?.remove(key)?.is_some();
        Ok(Ok(was_there))
    };
    assert!(matches!(bench.engine.write(lose).await, Ok(true)));
    let id = at.payment.id;
    bench.desk.begin(at);
    let payment = bench.until(id, State::NeedsReconciliation).await;
    assert_eq!((payment.balance.refunding, payment.updated), (100, NOW), "nothing was made up");
    assert_eq!(bench.books.store().given_up(None, 10).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_else_has_ended_is_seen_at_once() {
    for n in 1..=5 {
        let provider = Scripted::silent([Ok(Answer::Settled)]);
        let bench = Bench::new(Arc::clone(&provider)).await;
        let at = bench.begun(n).await;
        let mut watch = bench.desk.begin(at.clone()).unwrap();
        while provider.asked() == 0 {
            tokio::task::yield_now().await;
        }
        let version = settled_elsewhere(&bench, at).await.payment.version;
        let before = Instant::now();
        provider.open();
        let payment = watch.still(version).await.unwrap();
        assert_eq!(payment.state, State::Authorized);
        // The books themselves wait so long at most before they read again. Nothing else has a timer here, so
        // the paused clock goes on for nothing else.
        assert!(before.elapsed() <= Duration::from_millis(4), "{:?}", before.elapsed());
    }
}
