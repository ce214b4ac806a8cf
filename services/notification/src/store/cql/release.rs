//! Leases that end without a try.

use futures_util::{StreamExt as _, stream};

use super::{AT_ONCE, CqlStore, desk::Held};
use crate::domain::NotificationId;

impl CqlStore {
    /// Opens to everybody what is held and was not tried.
    pub(super) async fn released(&self, untried: Vec<NotificationId>) {
        let held: Vec<_> = untried.into_iter().filter_map(|id| self.desk.held(id)).collect();
        stream::iter(held).for_each_concurrent(AT_ONCE, |held| self.release_one(held)).await;
    }

    async fn release_one(&self, held: Held) {
        let (id, me) = (held.notification.id, self.holder.as_str());
        // Its pointer stays true: the version that made it due is the same.
        let values = (held.version + 1, "", 0_i64, id.0, held.version, me);
        if let Err(error) = self.cql.cas(&self.statements.claim, values).await {
            tracing::debug!(error = %mesh_telemetry::chain(&error), "a lease ends by itself, later");
        }
        // Only now: what nobody here knows to be held may be claimed, and this write would come too late.
        self.desk.let_go(id);
    }
}
