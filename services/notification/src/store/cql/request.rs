//! Requests that may be repeated.

use service_kit::{
    clock::UnixMillis,
    cql::{Cas, CqlError, Statement},
    requests::{REMEMBERED, Request},
};
use uuid::Uuid;

use super::{
    CqlStore,
    enqueue::{TRIES, pause},
    error::Failure,
    row::{at, millis},
};
use crate::{
    domain::Notification,
    store::{
        Enqueued, StoreError,
        records::{decode, encode},
    },
};

/// What is remembered of a request.
#[derive(Clone, Debug)]
struct Remembered {
    /// The call that decided it.
    attempt: Uuid,
    fingerprint: Vec<u8>,
    expire: UnixMillis,
    /// The notification as it was when it was taken on.
    answer: Vec<u8>,
}

impl CqlStore {
    /// Takes `notification` on for a request, unless that was answered before or there is one under its id.
    ///
    /// The row of the request decides; the notification follows. Whoever dies in between leaves the rest to whoever
    /// repeats the request.
    pub(super) async fn take_on_once(
        &self,
        notification: Notification,
        request: &Request,
        hold: bool,
    ) -> Result<Enqueued, StoreError> {
        let attempt = Uuid::new_v4();
        let mut known = self.remembered(&self.statements.request, request).await?;
        for n in 1..=TRIES {
            let before = known.as_ref().map(|known| known.attempt);
            match known.filter(|known| known.expire > self.clock.now()) {
                Some(known) if known.attempt == attempt => {
                    return Ok(self.first(notification, attempt, hold).await?);
                }
                Some(known) if known.fingerprint != request.fingerprint => {
                    return Err(StoreError::RequestReused);
                }
                Some(known) => return self.replay(&known).await,
                None => {}
            }
            // One that came otherwise is answered as it is, and the request is not remembered for it.
            if let Some(found) = Self::found(self.row(notification.id).await?.as_ref())? {
                return Ok(Enqueued::before(found));
            }
            match self.decide_request(&notification, request, attempt, before).await {
                Ok(Cas::Applied) => return Ok(self.first(notification, attempt, hold).await?),
                Ok(Cas::Refused(_)) => {}
                Err(error) if error.is_unknown() => pause(n).await,
                Err(error) => return Err(error.into()),
            }
            known = self.remembered(&self.statements.request_decided, request).await?;
        }
        Err(Failure::Contended(TRIES).into())
    }

    async fn decide_request(
        &self,
        notification: &Notification,
        request: &Request,
        attempt: Uuid,
        before: Option<Uuid>,
    ) -> Result<Cas, CqlError> {
        let expire = millis(self.clock.now().after(REMEMBERED));
        let values = (
            attempt,
            request.fingerprint.as_slice(),
            notification.id.0,
            expire,
            encode(notification),
            request.key.as_slice(),
            before,
        );
        self.cql.cas(&self.statements.decide_request, values).await
    }

    /// Takes on what was just decided. A repeat may have been faster, in the name of the same attempt.
    async fn first(
        &self,
        notification: Notification,
        attempt: Uuid,
        hold: bool,
    ) -> Result<Enqueued, Failure> {
        let mut enqueued = self.take_on(notification.clone(), attempt, hold).await?;
        if !enqueued.replayed {
            enqueued.notification = notification;
        }
        Ok(enqueued)
    }

    /// Answers as the first time, and sees to it that what was answered is so.
    async fn replay(&self, known: &Remembered) -> Result<Enqueued, StoreError> {
        let answer = decode(&known.answer).map_err(Failure::from)?;
        if Self::found(self.row(answer.id).await?.as_ref())?.is_none() {
            // Its first caller died. It is due from now on, where claims look for it.
            let due = answer.due.max(self.clock.now());
            self.take_on(Notification { due, ..answer.clone() }, known.attempt, false).await?;
        }
        Ok(Enqueued::before(answer))
    }

    async fn remembered(
        &self,
        statement: &Statement,
        request: &Request,
    ) -> Result<Option<Remembered>, Failure> {
        type Columns = (Uuid, Vec<u8>, i64, Vec<u8>);
        let rows = self.cql.rows(statement, (request.key.as_slice(),)).await?;
        let row = rows.maybe_first_row::<Columns>().map_err(CqlError::unexpected)?;
        Ok(row.map(|(attempt, fingerprint, expire, answer)| Remembered {
            attempt,
            fingerprint,
            expire: at(expire),
            answer,
        }))
    }
}
