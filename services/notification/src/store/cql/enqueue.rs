//! Taking notifications on.

use std::time::Duration;

use futures_util::future::try_join;
use service_kit::{clock::UnixMillis, cql::Cas};
use tokio::time::sleep;
use uuid::Uuid;

use super::{
    CqlStore,
    desk::{Held, Reservation},
    due::Pointer,
    error::Failure,
    lease::LEASE_OF_NEW,
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
    /// Takes `notification` on in the name of `attempt`, unless there is one under its id; with `hold`, to be sent by
    /// this instance.
    ///
    /// Most ids are new, and the condition finds out when one is not: nothing is read first.
    pub(super) async fn take_on(
        &self,
        notification: Notification,
        attempt: Uuid,
        hold: bool,
    ) -> Result<Enqueued, Failure> {
        let (id, body) = (notification.id, encode(&notification));
        let mut row: Option<Row> = None;
        for n in 1..=TRIES {
            let before = version(row.as_ref());
            let pointer = Pointer::to(&notification, before.unwrap_or(0) + 1);
            let reserved = if hold { self.reserve(&notification, pointer) } else { None };
            let (holder, until) = match &reserved {
                Some(_) => (self.holder.as_str(), self.clock.now().after(LEASE_OF_NEW)),
                None => ("", UnixMillis(0)),
            };
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
                holder,
                millis(until),
                &body,
                id.0,
                before,
            );
            match self.cql.cas(&self.statements.take_on, values).await {
                Ok(Cas::Applied) => return Ok(taken_on(notification, reserved)),
                Ok(Cas::Refused(_)) => {}
                Err(error) if error.is_unknown() => pause(n).await,
                Err(error) => return Err(error.into()),
            }
            row = self.decided(id).await?;
            self.withdraw(pointer, &notification, row.as_ref()).await?;
            let Some(found) = Self::found(row.as_ref())? else { continue };
            return Ok(match &row {
                Some(row) if row.attempt == Some(attempt) => {
                    // By an earlier try of ours, or as somebody has gone on with it since.
                    let is_still_held = row.version == pointer.version && row.holder == holder;
                    taken_on(found, reserved.filter(|_| is_still_held))
                }
                _ => Enqueued::before(found),
            });
        }
        Err(Failure::Contended(TRIES))
    }

    /// Holds a notification whose row gets to the pointer's version by being taken on.
    fn reserve(&self, notification: &Notification, pointer: Pointer) -> Option<Reservation<'_>> {
        let (notification, version) = (notification.clone(), pointer.version);
        self.desk.reserve(Held { version, due_version: version, notification })
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

/// What taking on comes to, with the lease if there is one.
fn taken_on(notification: Notification, reserved: Option<Reservation<'_>>) -> Enqueued {
    let held = reserved.is_some();
    reserved.into_iter().for_each(Reservation::keep);
    Enqueued { held, ..Enqueued::new(notification) }
}

/// Waits a moment, which is another one for everybody who waits for the same row.
pub(super) async fn pause(n: u32) {
    let most = PAUSE_MS * u64::from(n);
    let random = u64::from(Uuid::new_v4().as_bytes()[0]);
    sleep(Duration::from_millis(1 + most * random / 255)).await;
}
