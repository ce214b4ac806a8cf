//! Taking notifications on.

use std::time::Duration;

use futures_util::future::try_join;
use service_kit::cql::Cas;
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    CqlStore,
    due::Pointer,
    error::Failure,
    row::{Row, millis, version, word},
};
use crate::{
    domain::Notification,
    store::{Enqueued, records::encode},
};

/// How often a row that somebody else writes too is tried.
pub(super) const TRIES: u32 = 8;
/// The longest wait after the first lost answer; it grows with each.
const PAUSE_MS: u64 = 10;

impl CqlStore {
    /// Takes `notification` on in the name of `attempt`, unless there is one under its id.
    pub(super) async fn take_on(
        &self,
        notification: Notification,
        attempt: Uuid,
    ) -> Result<Enqueued, Failure> {
        let (id, body) = (notification.id, encode(&notification));
        let mut row = self.row(id).await?;
        for n in 1..=TRIES {
            if let Some(found) = Self::found(row.as_ref())? {
                let is_ours = row.as_ref().is_some_and(|row| row.attempt == Some(attempt));
                return Ok(Enqueued { notification: found, replayed: !is_ours });
            }
            let (before, pointer) =
                (version(row.as_ref()), Pointer::to(&notification, version(row.as_ref()).unwrap_or(0) + 1));
            // Only after the row was read: a pointer is removed when its row was found, and fenced, without it.
            try_join(self.point(pointer), self.enlist(&notification)).await?;
            fail::fail_point!("notification.before-row");
            let values = (
                pointer.version,
                attempt,
                notification.user_id,
                notification.template(),
                word(notification.state),
                i32::try_from(notification.attempts).unwrap_or(i32::MAX),
                millis(notification.due),
                pointer.version,
                "",
                0_i64,
                &body,
                id.0,
                before,
            );
            match self.cql.cas(&self.statements.take_on, values).await {
                Ok(Cas::Applied) => return Ok(Enqueued { notification, replayed: false }),
                Ok(Cas::Refused(_)) => {}
                Err(error) if error.is_unknown() => pause(n).await,
                Err(error) => return Err(error.into()),
            }
            row = self.decided(id).await?;
            self.withdraw(pointer, &notification, row.as_ref()).await?;
        }
        Err(Failure::Contended(TRIES))
    }

    /// Removes what was written before a row that somebody else wrote otherwise.
    async fn withdraw(
        &self,
        pointer: Pointer,
        notification: &Notification,
        row: Option<&Row>,
    ) -> Result<(), Failure> {
        let Some(found) = Self::found(row)? else { return Ok(()) };
        if pointer.worth(row) == super::due::Worth::Stale {
            self.unpoint(pointer).await;
        }
        if (found.user_id, found.created) != (notification.user_id, notification.created) {
            self.unlist(notification.user_id, (notification.created, notification.id)).await;
        }
        Ok(())
    }
}

/// Waits a moment, which is another one for everybody who waits for the same row.
pub(super) async fn pause(n: u32) {
    let most = PAUSE_MS * u64::from(n);
    let random = u64::from(Uuid::new_v4().as_bytes()[0]);
    sleep(Duration::from_millis(1 + most * random / 255)).await;
}
