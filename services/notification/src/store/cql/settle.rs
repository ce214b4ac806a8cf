//! What became of a try.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use service_kit::{
    clock::UnixMillis,
    cql::{Cas, CqlError},
};
use tokio::time::{Instant, sleep};

use super::{
    AT_ONCE, CqlStore,
    desk::Held,
    due::Pointer,
    error::Failure,
    row::{millis, word},
};
use crate::{
    domain::{Notification, NotificationId, Verdict},
    store::records::encode,
};

/// How long a verdict is held on to while the cluster does not take it. A mail whose verdict is lost is sent again;
/// after this time the lease is about to end, and it may be anyway.
const PATIENCE: Duration = Duration::from_secs(60);
/// The first wait in between; each one is twice as long, up to the last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl CqlStore {
    pub(super) async fn settled(
        &self,
        tried: Vec<(NotificationId, Verdict)>,
        now: UnixMillis,
    ) -> Result<Vec<Notification>, Failure> {
        let settling = tried.into_iter().map(|(id, verdict)| self.settle_one(id, verdict, now));
        // All of them are brought to an end before one that failed is told.
        let settled: Vec<_> = stream::iter(settling).buffered(AT_ONCE).collect().await;
        stream::iter(settled).try_filter_map(async |settled| Ok(settled)).try_collect().await
    }

    async fn settle_one(
        &self,
        id: NotificationId,
        verdict: Verdict,
        now: UnixMillis,
    ) -> Result<Option<Notification>, Failure> {
        // What is not held (any more) is another's to settle, and told as it is.
        let Some(held) = self.desk.held(id) else { return Self::found(self.row(id).await?.as_ref()) };
        let after = held.notification.clone().tried(verdict, now);
        let (start, mut pause) = (Instant::now(), PAUSE.0);
        let settled = loop {
            match self.try_settle(&held, &after).await {
                Err(error) if start.elapsed() < PATIENCE => {
                    tracing::debug!(error = %mesh_telemetry::chain(&error), "a verdict is not written yet");
                }
                outcome => break outcome,
            }
            sleep(pause).await;
            pause = (2 * pause).min(PAUSE.1);
        };
        self.desk.let_go(id);
        if settled? {
            fail::fail_point!("notification.before-unpoint");
            self.unpoint(Pointer::to(&held.notification, held.due_version)).await;
            return Ok(Some(after));
        }
        tracing::warn!(notification.id = %id, "a lease ended before its verdict was written");
        Self::found(self.decided(id).await?.as_ref())
    }

    /// Writes the verdict down; `false`: the lease was not ours any more.
    async fn try_settle(&self, held: &Held, after: &Notification) -> Result<bool, CqlError> {
        let (version, id) = (held.version + 1, after.id);
        let mut due_version = held.due_version;
        if after.is_pending() {
            due_version = version;
            self.point(Pointer::to(after, version)).await?;
        }
        let body = encode(after);
        let attempts = i32::try_from(after.attempts).unwrap_or(i32::MAX);
        let row = (version, word(after.state), attempts, millis(after.due), due_version, "", 0_i64, &body);
        let condition = (id.0, held.version, self.holder.as_str());
        let values =
            (row.0, row.1, row.2, row.3, row.4, row.5, row.6, row.7, condition.0, condition.1, condition.2);
        match self.cql.cas(&self.statements.settle, values).await {
            Ok(Cas::Applied) => Ok(true),
            Err(error) if !error.is_unknown() => Err(error),
            lost => match self.decided(id).await? {
                // Nobody else writes this body at this version.
                Some(row) if row.version == version && row.body.as_ref() == Some(&body) => Ok(true),
                // It may still come. A repeat is refused if it does, and finds its own work.
                Some(row) if row.version == held.version => Err(match lost {
                    Err(error) => error,
                    Ok(_) => CqlError::unexpected("a condition that holds was refused"),
                }),
                _ => Ok(false),
            },
        }
    }
}
