//! The statements, prepared once.

use service_kit::cql::{Cql, CqlError, Purpose, Statement};

use crate::store::Consistency;

const USER: &str = "SELECT DISTINCT user_id, rev, status, email, email_norm, display_name, locale, version, \
    create_time_ms, update_time_ms FROM users WHERE user_id = ?";
const WHOLE: &str = "SELECT DISTINCT user_id, rev, status, email, email_norm, display_name, locale, version, \
    create_time_ms, update_time_ms, profile_version, profile_display_name, profile_locale, profile_attributes, \
    profile_create_time_ms, profile_update_time_ms FROM users WHERE user_id = ?";
const SET_USER: &str = "UPDATE users SET status = 'active', email = ?, email_norm = ?, display_name = ?, \
    locale = ?, version = ?, create_time_ms = ?, update_time_ms = ? WHERE user_id = ?";
const SET_PROFILE: &str = "UPDATE users SET profile_version = ?, profile_display_name = ?, profile_locale = ?, \
    profile_attributes = ?, profile_create_time_ms = ?, profile_update_time_ms = ? WHERE user_id = ?";
const SET_DELETED: &str = "UPDATE users SET status = 'deleted', email = null, email_norm = null, \
    display_name = null, locale = null, version = ?, create_time_ms = null, update_time_ms = ?, \
    profile_version = null, profile_display_name = null, profile_locale = null, profile_attributes = null, \
    profile_create_time_ms = null, profile_update_time_ms = null WHERE user_id = ?";

const CLAIM: &str = "SELECT user_id, rev, epoch FROM user_by_email WHERE email_norm = ?";
// An INSERT, because the answer to one that is refused has the whole row, not only the columns of the condition.
const CLAIM_FREE: &str =
    "INSERT INTO user_by_email (email_norm, user_id, rev, epoch) VALUES (?, ?, ?, 1) IF NOT EXISTS";
// The epoch alone would do; the other columns are there to be told when it is refused.
const CLAIM_OVER: &str = "UPDATE user_by_email SET user_id = ?, rev = ?, epoch = ? WHERE email_norm = ? \
    IF epoch = ? AND user_id = ? AND rev = ?";

const INDEX: &str = "INSERT INTO user_index (shard, user_id) VALUES (?, ?)";
const LIST: &str = "SELECT user_id FROM user_index WHERE shard = ? AND user_id > ? LIMIT ?";

const SESSION: &str = "SELECT session_id, user_id, user_create_time_ms, attributes, create_time_ms, \
    expire_time_ms FROM sessions WHERE token_hash = ?";
const OPEN_SESSION: &str = "INSERT INTO sessions (token_hash, session_id, user_id, user_create_time_ms, \
    attributes, create_time_ms, expire_time_ms) VALUES (?, ?, ?, ?, ?, ?, ?) USING TTL ?";
const END_SESSION: &str = "DELETE FROM sessions WHERE token_hash = ?";

/// The statements.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) user: Reads,
    pub(super) whole: Reads,
    pub(super) set_user: Statement,
    pub(super) set_profile: Statement,
    pub(super) set_deleted: Statement,
    pub(super) claim: Reads,
    pub(super) claim_free: Statement,
    pub(super) claim_over: Statement,
    pub(super) index: Statement,
    pub(super) list: Reads,
    pub(super) session: Statement,
    pub(super) open_session: Statement,
    pub(super) end_session: Statement,
}

/// A read, prepared for each consistency.
#[derive(Debug)]
pub(super) struct Reads {
    eventual: Statement,
    strong: Statement,
    linearizable: Statement,
}

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, CqlError> {
        Ok(Self {
            user: Reads::prepare(cql, USER).await?,
            whole: Reads::prepare(cql, WHOLE).await?,
            set_user: cql.prepare(Purpose::Cas, SET_USER).await?,
            set_profile: cql.prepare(Purpose::Cas, SET_PROFILE).await?,
            set_deleted: cql.prepare(Purpose::Cas, SET_DELETED).await?,
            claim: Reads::prepare(cql, CLAIM).await?,
            claim_free: cql.prepare(Purpose::Cas, CLAIM_FREE).await?,
            claim_over: cql.prepare(Purpose::Cas, CLAIM_OVER).await?,
            index: cql.prepare(Purpose::Write, INDEX).await?,
            list: Reads::prepare(cql, LIST).await?,
            session: cql.prepare(Purpose::Read, SESSION).await?,
            open_session: cql.prepare(Purpose::Write, OPEN_SESSION).await?,
            end_session: cql.prepare(Purpose::Write, END_SESSION).await?,
        })
    }
}

impl Reads {
    async fn prepare(cql: &Cql, text: &str) -> Result<Self, CqlError> {
        Ok(Self {
            eventual: cql.prepare(Purpose::Tolerant, text).await?,
            strong: cql.prepare(Purpose::Read, text).await?,
            linearizable: cql.prepare(Purpose::Decide, text).await?,
        })
    }

    /// The read at this consistency.
    pub(super) fn at(&self, consistency: Consistency) -> &Statement {
        match consistency {
            Consistency::Eventual => &self.eventual,
            Consistency::Strong => &self.strong,
            Consistency::Linearizable => &self.linearizable,
        }
    }
}
