//! The settler: settles what was taken on, soon after.

use std::{sync::Arc, time::Duration};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::store::{Store, StoreError};

/// How long a pending transaction stays so, at least.
const SETTLE_AFTER: Duration = Duration::from_millis(100);

/// The longest sleep. The bell is rung after the commit, so a caller who went away in between has left a
/// transaction that nobody announced; and a new process finds what an old one left.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// Settled in one transaction at most.
const BATCH: usize = 256;

/// How often the webhook is told of each.
const TELLINGS: u32 = 2;

/// Settles what is pending.
#[derive(Debug)]
pub(crate) struct Settler {
    store: Store,
    /// Rung when something is pending.
    bell: Arc<Notify>,
    /// To be rung when somebody is to be told; nobody is if there is nobody.
    courier: Option<Arc<Notify>>,
}

impl Settler {
    pub(crate) fn new(store: Store, bell: Arc<Notify>, courier: Option<Arc<Notify>>) -> Self {
        Self { store, bell, courier }
    }

    /// Works until `shutdown`. What is pending then is settled by the next run.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        let work = async {
            loop {
                match self.round().await {
                    Ok(0) => {
                        // Whichever comes first.
                        let _ = tokio::time::timeout(IDLE_MAX, self.bell.notified()).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::error!(error = %mesh_telemetry::chain(&error), "nothing can be settled now");
                        tokio::time::sleep(IDLE_MAX).await;
                    }
                }
            }
        };
        // Each round's change is one transaction, so it may be left at any point.
        shutdown.run_until_cancelled(work).await;
    }

    /// Settles what is pending now; answers how many there were.
    async fn round(&self) -> Result<usize, StoreError> {
        let pending = self.store.pending(BATCH).await?;
        let count = pending.len();
        if count > 0 {
            tokio::time::sleep(SETTLE_AFTER).await;
            let tellings = if self.courier.is_some() { TELLINGS } else { 0 };
            self.store.settle(pending, tellings).await?;
            self.courier.iter().for_each(|courier| courier.notify_one());
        }
        Ok(count)
    }
}
