//! A page of the outbox that is being looked for.

use std::{sync::Arc, time::Duration};

use tokio_util::task::AbortOnDropHandle;

use crate::{Envelope, Outbox, OutboxError, OutboxKey};

/// A look for one page, if there is one under way.
#[derive(Debug, Default)]
pub(super) struct Look {
    task: Option<AbortOnDropHandle<Result<Vec<Envelope>, OutboxError>>>,
    is_unwanted: bool,
}

// === impl Look ===

impl Look {
    /// Whether another look may begin.
    pub(super) fn is_idle(&self) -> bool {
        self.task.is_none()
    }

    /// Begins to look; there is no look under way.
    pub(super) fn begin(
        &mut self,
        outbox: &Arc<dyn Outbox>,
        older_than: Duration,
        after: Option<OutboxKey>,
        limit: usize,
    ) {
        let outbox = Arc::clone(outbox);
        // A task, so that it goes on whatever the relay waits for.
        let look = tokio::spawn(async move { outbox.pending(older_than, after, limit).await });
        (self.task, self.is_unwanted) = (Some(AbortOnDropHandle::new(look)), false);
    }

    /// Waits until the look has ended, for ever while there is none; gives the page if anybody still wants it. Giving
    /// up the wait loses nothing.
    pub(super) async fn page(&mut self) -> Option<Result<Vec<Envelope>, OutboxError>> {
        let Some(look) = &mut self.task else { return std::future::pending().await };
        let page = look.await;
        self.task = None;
        let page = page.unwrap_or_else(|cut_off| Err(OutboxError(cut_off.into())));
        (!self.is_unwanted).then_some(page)
    }

    /// Nobody wants the page any more. The look is not cut off: it may be about to take a lease.
    pub(super) fn give_up(&mut self) {
        self.is_unwanted = true;
    }
}
