//! Waiting for what a flight finds out, as long as the caller can.

use std::time::Duration;

use mesh_rpc::deadline;
use tokio::sync::watch;

use crate::domain::Payment;

/// How long an outcome is waited for when the caller sets no deadline.
const PATIENCE: Duration = Duration::from_secs(10);

/// What of the caller's time is kept for the answer's way home, as a part of what is left and at least.
const WAY_HOME: (u32, Duration) = (10, Duration::from_millis(50));

/// Follows a flight.
#[derive(Debug)]
pub(crate) struct Watch(watch::Receiver<Option<Payment>>);

/// What a request began, and who drives it.
pub(crate) struct Begun {
    /// As it was when it was kept.
    pub(crate) payment: Payment,
    /// Nothing if nothing is driven.
    pub(crate) watch: Option<Watch>,
}

impl Watch {
    pub(super) fn new(seen: watch::Receiver<Option<Payment>>) -> Self {
        Self(seen)
    }

    /// The payment as soon as it stands still at `version` or later, or as it was seen last when its flight
    /// has ended.
    pub(super) async fn still(&mut self, version: u64) -> Option<Payment> {
        loop {
            if let Some(payment) = self.seen(version).filter(|payment| payment.state.under_way().is_none()) {
                return Some(payment);
            }
            if self.0.changed().await.is_err() {
                return self.seen(version);
            }
        }
    }

    /// The payment as it was seen last, if that was at `version` or later.
    fn seen(&mut self, version: u64) -> Option<Payment> {
        self.0.borrow_and_update().clone().filter(|payment| payment.version >= version)
    }
}

/// The payment when it stands still, or as it is when the caller's time is over.
pub(crate) async fn outcome(begun: Begun) -> Payment {
    let Begun { payment, watch } = begun;
    let Some(mut watch) = watch else { return payment };
    let still = tokio::time::timeout(patience(), watch.still(payment.version)).await;
    still.ok().flatten().or_else(|| watch.seen(payment.version)).unwrap_or(payment)
}

/// How long this caller can wait.
fn patience() -> Duration {
    let (part, least) = WAY_HOME;
    deadline::current().map_or(PATIENCE, |deadline| {
        let left = deadline.remaining();
        left.saturating_sub(least.max(left / part))
    })
}
