//! What ends a wait.

use futures_util::FutureExt as _;

use super::{Bench, Scripted};

#[tokio::test]
async fn what_begins_on_a_flight_that_waits_wakes_it() {
    let bench = Bench::new(Scripted::silent([])).await;
    let at = bench.begun(1).await;
    let bells = bench.desk.seat_without_a_flight(at.payment.id);
    assert!(bench.desk.begin(at.clone()).is_some());
    assert!(bells.now.notified().now_or_never().is_some());
    bench.desk.hint(at.payment.id);
    assert!(bells.now.notified().now_or_never().is_none(), "a hint waits for its floor");
    assert!(bells.hint.notified().now_or_never().is_some());
    bench.desk.nudge(at.payment.id);
    assert!(bells.now.notified().now_or_never().is_some());
}
