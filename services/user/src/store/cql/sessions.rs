//! Commands and queries on sessions.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use fail::fail_point;
use scylla::DeserializeRow;
use service_kit::{clock::UnixMillis, cql::CqlError};

use super::{
    CqlStore,
    partition::{natural, signed},
};
use crate::{
    domain::{Attributes, Session, TokenHash, UserId},
    store::{Consistency, SessionStore, StoreError},
};

/// How much longer a row is kept than its session lasts: the clocks of two machines differ.
const SLACK: Duration = Duration::from_secs(3_600);

#[async_trait]
impl SessionStore for CqlStore {
    async fn open_session(&self, token: TokenHash, session: Session) -> Result<(), StoreError> {
        let user = self.find(session.user_id, Consistency::Strong).await?.ok_or(StoreError::NotFound)?;
        let left = session.expires.0.saturating_sub(self.clock.now().0) / 1_000 + SLACK.as_secs();
        let values = (
            token.0.as_slice(),
            session.id,
            session.user_id.0,
            signed(user.created.0),
            session.attributes.entries(),
            signed(session.created.0),
            signed(session.expires.0),
            i32::try_from(left).unwrap_or(i32::MAX).min(LONGEST_TTL_S),
        );
        fail_point!("user.before-commit");
        self.cql.write(&self.statements.open_session, values).await?;
        fail_point!("user.after-commit");
        Ok(())
    }

    /// Also none if it has expired, or if its user is gone or is another one now under the same id.
    async fn session(&self, token: TokenHash) -> Result<Option<Session>, StoreError> {
        let rows = self.cql.rows(&self.statements.session, (token.0.as_slice(),)).await?;
        let Some(row) = rows.maybe_first_row::<SessionRow>().map_err(CqlError::unexpected)? else {
            return Ok(None);
        };
        let user_created = UnixMillis(natural(Some(row.user_create_time_ms), "user_create_time_ms")?);
        let session = row.session()?;
        if session.expires <= self.clock.now() {
            return Ok(None);
        }
        let user = self.find(session.user_id, Consistency::Strong).await?;
        Ok(user.filter(|user| user.created == user_created).map(|_| session))
    }

    async fn end_session(&self, token: TokenHash) -> Result<(), StoreError> {
        fail_point!("user.before-commit");
        self.cql.write(&self.statements.end_session, (token.0.as_slice(),)).await?;
        fail_point!("user.after-commit");
        Ok(())
    }
}

/// The longest time to live that Cassandra takes, 20 years, in seconds.
const LONGEST_TTL_S: i32 = 630_720_000;

#[derive(DeserializeRow)]
struct SessionRow {
    session_id: uuid::Uuid,
    user_id: uuid::Uuid,
    user_create_time_ms: i64,
    attributes: Option<BTreeMap<String, String>>,
    create_time_ms: i64,
    expire_time_ms: i64,
}

impl SessionRow {
    fn session(self) -> Result<Session, CqlError> {
        Ok(Session {
            id: self.session_id,
            user_id: UserId(self.user_id),
            attributes: Attributes::restore(self.attributes.unwrap_or_default()),
            created: UnixMillis(natural(Some(self.create_time_ms), "create_time_ms")?),
            expires: UnixMillis(natural(Some(self.expire_time_ms), "expire_time_ms")?),
        })
    }
}
