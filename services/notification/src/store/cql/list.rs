//! A user's list.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use service_kit::cql::CqlError;
use uuid::Uuid;

use super::{
    AT_ONCE, CqlStore,
    error::Failure,
    row::{at, bytes, id, millis},
};
use crate::{domain::Notification, store::ListKey};

impl CqlStore {
    pub(super) async fn listed(
        &self,
        user: Uuid,
        mut after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Notification>, Failure> {
        let mut listed = Vec::new();
        while listed.len() < limit {
            let wanted = limit - listed.len();
            let keys = self.keys(user, after, wanted).await?;
            let (is_last, last) = (keys.len() < wanted, keys.last().copied());
            let found: Vec<_> = stream::iter(keys)
                .map(|key| self.listed_at(user, key))
                .buffered(AT_ONCE)
                .try_collect()
                .await?;
            listed.extend(found.into_iter().flatten());
            if is_last {
                break;
            }
            after = last;
        }
        Ok(listed)
    }

    async fn keys(&self, user: Uuid, after: Option<ListKey>, limit: usize) -> Result<Vec<ListKey>, CqlError> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        let rows = match after {
            None => self.cql.rows(&self.statements.list_first, (user, limit)).await?,
            Some((created, id)) => {
                let values = (user, millis(created), bytes(id), limit);
                self.cql.rows(&self.statements.list_rest, values).await?
            }
        };
        let keys = rows.rows::<(i64, Vec<u8>)>().map_err(CqlError::unexpected)?;
        keys.map(|key| {
            let (created, bytes) = key.map_err(CqlError::unexpected)?;
            Ok((at(created), id(&bytes)?))
        })
        .collect()
    }

    /// The notification that a pointer of a user's list leads to; `None`: it is not (yet) there, or not by that key.
    async fn listed_at(&self, user: Uuid, key: ListKey) -> Result<Option<Notification>, Failure> {
        let (created, id) = key;
        let found = Self::found(self.row(id).await?.as_ref())?;
        match found {
            Some(found) if found.user_id == user && found.created == created => Ok(Some(found)),
            // When a notification was created never changes, so the pointer lost a race and is of no use.
            Some(_) => {
                self.unlist(user, key).await;
                Ok(None)
            }
            None => Ok(None),
        }
    }

    pub(super) async fn enlist(&self, notification: &Notification) -> Result<(), CqlError> {
        let Notification { user_id, created, id, .. } = notification;
        let values = (*user_id, millis(*created), bytes(*id));
        self.cql.write(&self.statements.point_from_user, values).await
    }

    /// Removes a pointer of no use. If that fails it is found to be so again.
    pub(super) async fn unlist(&self, user: Uuid, (created, id): ListKey) {
        let values = (user, millis(created), bytes(id));
        if let Err(error) = self.cql.write(&self.statements.unpoint_from_user, values).await {
            tracing::debug!(error = %mesh_telemetry::chain(&error), "a pointer of no use stays for now");
        }
    }
}
