//! The net below everything: what is open and not driven is found in the store, and so is what has expired.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::desk::Desk;
use crate::{
    app::{Kept, StepError},
    domain::{PaymentId, ProviderKey},
    error::Error,
    store::StoreError,
};

/// How often the store is swept. Nobody waits for it but what a crash has left, and what has expired.
const EVERY: Duration = Duration::from_secs(1);

/// Rows read at a time.
const PAGE: usize = 256;

/// Authorizations released at once.
const RELEASING: usize = 16;

/// Sweeps until `shutdown`.
pub(super) async fn run(desk: &Arc<Desk>, shutdown: &CancellationToken) {
    let mut timer = tokio::time::interval(EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut from = None;
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            _ = timer.tick() => {}
        }
        let swept = adopt(desk, &mut from).await;
        if let Err(error) = swept.and(release(desk, shutdown).await) {
            tracing::warn!(error = %mesh_telemetry::chain(&error), "open operations cannot be found now");
        }
    }
}

/// Begins a flight for every open operation that has none, from where the last sweep ran out of room.
async fn adopt(desk: &Arc<Desk>, from: &mut Option<ProviderKey>) -> Result<(), StoreError> {
    loop {
        let page = desk.books.store().open_operations(*from, PAGE).await?;
        for operation in &page {
            if !desk.adopt(operation.key.payment) {
                return Ok(());
            }
            *from = Some(operation.key);
        }
        if page.len() < PAGE {
            *from = None;
            return Ok(());
        }
    }
}

/// Begins the release of every authorization that has expired.
async fn release(desk: &Arc<Desk>, shutdown: &CancellationToken) -> Result<(), StoreError> {
    loop {
        let lapsed = desk.books.store().lapsed(desk.books.now(), PAGE).await?;
        let is_all = lapsed.len() < PAGE;
        let released = stream::iter(lapsed)
            .map(|id| expire(desk, id))
            .buffer_unordered(RELEASING)
            .collect::<Vec<_>>()
            .await;
        // What could not be released is at the head of the next page, too: not at once again.
        if is_all || shutdown.is_cancelled() || !released.contains(&true) {
            return Ok(());
        }
    }
}

/// Begins the release of one; whether it was begun, by whomever.
async fn expire(desk: &Arc<Desk>, id: PaymentId) -> bool {
    let begun = async {
        let at = desk.books.standing(id).await?;
        match desk.books.step(at, None, |at, now| at.payment.expire(now)).await {
            Ok(Kept::Now(at)) => drop(desk.begin(*at)),
            // Somebody was quicker; whatever it was, it is not held any more.
            Ok(Kept::Before(_)) => {}
            Err(StepError::Refused { refused, payment }) => {
                return Err(Error::refused(refused, &payment, None));
            }
            Err(StepError::Store(error)) => return Err(error.into()),
        }
        Ok(())
    };
    match begun.await {
        Ok(()) => true,
        Err(Error::Refused { .. }) => true,
        Err(error) => {
            tracing::warn!(
                payment.id = %id, error = %mesh_telemetry::chain(&error),
                "an expired authorization cannot be released now",
            );
            false
        }
    }
}
