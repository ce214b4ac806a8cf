//! Leases on what is due.

use futures_util::{StreamExt as _, stream};
use scylla::value::CqlValue;
use service_kit::{
    clock::UnixMillis,
    cql::{Cas, CqlError},
};

use super::{
    AT_ONCE, CqlStore,
    desk::Held,
    due::{Pointer, Worth},
    error::Failure,
    lease::{LEASE, Lease, instance},
    row::{Row, millis},
    scan::Scan,
};
use crate::domain::Notification;

/// Pointers that [`CqlStore::next`] follows before it takes one for true. A queue that begins with more that others
/// hold wakes its courier too early, who then finds out.
const FOLLOWED_MAX: usize = 256;

impl CqlStore {
    /// Claims up to `limit` of what is due at `now`, those due longest first. While other instances are at work, each
    /// takes from its own shards first, so that they rarely run after the same pointers.
    pub(super) async fn claimed(&self, now: UnixMillis, limit: usize) -> Result<Vec<Notification>, CqlError> {
        let me = self.holder.instance();
        let shards = self.desk.floors().into_iter();
        let (first, rest): (Vec<_>, Vec<_>) =
            shards.partition(|(shard, _)| self.desk.is_first_choice(me, *shard));
        let mut claimed = Vec::new();
        for shards in [first, rest] {
            let mut scan = Scan::new(shards, now);
            match self.claim_from(&mut scan, now, limit, &mut claimed).await {
                Ok(()) => self.desk.raise(scan.firsts(), now),
                Err(error) if claimed.is_empty() => return Err(error),
                // What was claimed must be sent, whatever became of the others: they are still due.
                Err(error) => {
                    tracing::debug!(error = %mesh_telemetry::chain(&error), "a claim was cut short");
                    break;
                }
            }
        }
        Ok(claimed)
    }

    async fn claim_from(
        &self,
        scan: &mut Scan,
        now: UnixMillis,
        limit: usize,
        claimed: &mut Vec<Notification>,
    ) -> Result<(), CqlError> {
        while claimed.len() < limit {
            let mut pointers = Vec::new();
            while pointers.len() < limit - claimed.len() {
                let Some(pointer) = scan.next(self).await? else { break };
                if !self.desk.holds(pointer.id) {
                    pointers.push(pointer);
                }
            }
            if pointers.is_empty() {
                break;
            }
            let tries = pointers.into_iter().map(|pointer| self.try_claim(pointer, now));
            let tries: Vec<_> = stream::iter(tries).buffered(AT_ONCE).collect().await;
            let mut failure = None;
            for tried in tries {
                match tried {
                    Ok(notification) => claimed.extend(notification),
                    Err(error) => failure = Some(error),
                }
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// Claims what `pointer` points to, if it is due and nobody else's.
    async fn try_claim(&self, pointer: Pointer, now: UnixMillis) -> Result<Option<Notification>, CqlError> {
        let row = self.row(pointer.id).await?;
        let Some((row, notification)) = self.followed(pointer, row, now).await? else { return Ok(None) };
        // Whoever takes the same one on once more has it on the desk for a moment.
        let held = Held {
            version: row.version + 1,
            due_version: row.due_version,
            notification: notification.clone(),
        };
        let Some(reserved) = self.desk.reserve(held) else { return Ok(None) };
        let (version, me) = (row.version + 1, self.holder.as_str());
        let values = (version, me, millis(now.after(LEASE)), pointer.id.0, row.version, row.holder.as_str());
        let is_ours = match self.cql.cas(&self.statements.claim, values).await {
            Ok(Cas::Applied) => true,
            Ok(Cas::Refused(current)) => {
                let holder = current.get("holder").and_then(CqlValue::as_text);
                let other = holder.map(|holder| instance(holder)).filter(|other| !other.is_empty());
                if let Some(other) = other.filter(|other| *other != self.holder.instance()) {
                    self.desk.saw(other.to_owned());
                }
                false
            }
            Err(error) if error.is_unknown() => {
                let row = self.decided(pointer.id).await?;
                row.is_some_and(|row| row.version == version && row.holder == me)
            }
            Err(error) => return Err(error),
        };
        if !is_ours {
            return Ok(None);
        }
        reserved.keep();
        Ok(Some(notification.sending(now)))
    }

    /// The row that a pointer leads to and the notification in it, if the pointer is true and nobody else holds it.
    async fn followed(
        &self,
        pointer: Pointer,
        row: Option<Row>,
        now: UnixMillis,
    ) -> Result<Option<(Row, Notification)>, CqlError> {
        match pointer.worth(row.as_ref()) {
            Worth::True(notification) => {
                let Some(row) = row else { return Ok(None) };
                match self.holder.lease(&row, now) {
                    Lease::Open => return Ok(Some((row, notification))),
                    Lease::HeldBy(other) => self.desk.saw(other),
                }
            }
            Worth::Early if pointer.is_orphaned(now) => self.clear_orphan(pointer).await?,
            Worth::Stale => self.unpoint(pointer).await,
            Worth::Early | Worth::Unreadable => {}
        }
        Ok(None)
    }

    /// When the next notification that nobody holds is due.
    pub(super) async fn next(&self) -> Result<Option<UnixMillis>, Failure> {
        let now = self.clock.now();
        let mut scan = Scan::new(self.desk.floors(), UnixMillis(u64::MAX));
        let mut followed = 0;
        while followed < FOLLOWED_MAX {
            let Some(pointer) = scan.next(self).await? else { return Ok(None) };
            if self.desk.holds(pointer.id) {
                continue;
            }
            followed += 1;
            let row = self.row(pointer.id).await?;
            if self.followed(pointer, row, now).await?.is_some() {
                return Ok(Some(pointer.due));
            }
        }
        Ok(scan.next(self).await?.map(|pointer| pointer.due))
    }
}
