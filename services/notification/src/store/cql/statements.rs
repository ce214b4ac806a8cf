//! Every statement, prepared once.

use futures_util::future::try_join_all;
use service_kit::cql::{Cql, CqlError, Purpose, Statement};

/// What is said to the cluster.
#[derive(Clone, Debug)]
pub(super) struct Statements {
    /// A row as whoever asks for the truth of the moment needs it.
    pub(super) row: Statement,
    /// The same, after a conditional write whose answer was "no" or was lost.
    pub(super) row_decided: Statement,
    pub(super) take_on: Statement,
    pub(super) claim: Statement,
    pub(super) settle: Statement,
    pub(super) fence: Statement,
    pub(super) point_from_user: Statement,
    pub(super) unpoint_from_user: Statement,
    pub(super) list_first: Statement,
    pub(super) list_rest: Statement,
    pub(super) point_when_due: Statement,
    pub(super) unpoint_when_due: Statement,
    pub(super) due_first: Statement,
    pub(super) due_rest: Statement,
    pub(super) request: Statement,
    pub(super) request_decided: Statement,
    pub(super) decide_request: Statement,
}

const ROW: &str = "SELECT version, attempt, due_version, holder, lease_until_ms, body FROM notifications WHERE notification_id = ?";
const TAKE_ON: &str = "UPDATE notifications SET version = ?, attempt = ?, user_id = ?, template = ?, state = ?, attempts = ?, \
     due_time_ms = ?, due_version = ?, holder = ?, lease_until_ms = ?, body = ? \
     WHERE notification_id = ? IF version = ?";
/// `holder` is part of the condition so that a refusal says who holds it.
const CLAIM: &str = "UPDATE notifications SET version = ?, holder = ?, lease_until_ms = ? WHERE notification_id = ? \
     IF version = ? AND holder = ?";
const SETTLE: &str = "UPDATE notifications SET version = ?, state = ?, attempts = ?, due_time_ms = ?, due_version = ?, holder = ?, \
     lease_until_ms = ?, body = ? WHERE notification_id = ? IF version = ? AND holder = ?";
const FENCE: &str = "UPDATE notifications SET version = ? WHERE notification_id = ? IF version = ?";
const POINT_FROM_USER: &str =
    "INSERT INTO notifications_by_user (user_id, created_time_ms, notification_id) VALUES (?, ?, ?)";
const UNPOINT_FROM_USER: &str =
    "DELETE FROM notifications_by_user WHERE user_id = ? AND created_time_ms = ? AND notification_id = ?";
const LIST_FIRST: &str =
    "SELECT created_time_ms, notification_id FROM notifications_by_user WHERE user_id = ? LIMIT ?";
const LIST_REST: &str = "SELECT created_time_ms, notification_id FROM notifications_by_user WHERE user_id = ? \
     AND (created_time_ms, notification_id) < (?, ?) LIMIT ?";
const POINT_WHEN_DUE: &str =
    "INSERT INTO notification_due (shard, due_time_ms, notification_id, version) VALUES (?, ?, ?, ?)";
const UNPOINT_WHEN_DUE: &str = "DELETE FROM notification_due \
     WHERE shard = ? AND due_time_ms = ? AND notification_id = ? AND version = ?";
const DUE_FIRST: &str = "SELECT due_time_ms, notification_id, version FROM notification_due \
     WHERE shard = ? AND due_time_ms >= ? AND due_time_ms <= ? LIMIT ?";
const DUE_REST: &str = "SELECT due_time_ms, notification_id, version FROM notification_due \
     WHERE shard = ? AND (due_time_ms, notification_id, version) > (?, ?, ?) AND (due_time_ms) <= (?) LIMIT ?";
const REQUEST: &str =
    "SELECT attempt, fingerprint, expire_time_ms, answer FROM notification_request WHERE key = ?";
const DECIDE_REQUEST: &str = "UPDATE notification_request SET attempt = ?, fingerprint = ?, notification_id = ?, expire_time_ms = ?, \
     answer = ? WHERE key = ? IF attempt = ?";

impl Statements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, CqlError> {
        let texts = [
            (Purpose::Read, ROW),
            (Purpose::Decide, ROW),
            (Purpose::Cas, TAKE_ON),
            (Purpose::Cas, CLAIM),
            (Purpose::Cas, SETTLE),
            (Purpose::Cas, FENCE),
            (Purpose::Write, POINT_FROM_USER),
            (Purpose::Mark, UNPOINT_FROM_USER),
            (Purpose::Read, LIST_FIRST),
            (Purpose::Read, LIST_REST),
            (Purpose::Write, POINT_WHEN_DUE),
            (Purpose::Mark, UNPOINT_WHEN_DUE),
            (Purpose::Read, DUE_FIRST),
            (Purpose::Read, DUE_REST),
            (Purpose::Read, REQUEST),
            (Purpose::Decide, REQUEST),
            (Purpose::Cas, DECIDE_REQUEST),
        ];
        let prepared = try_join_all(texts.map(|(purpose, text)| cql.prepare(purpose, text))).await?;
        let [
            row,
            row_decided,
            take_on,
            claim,
            settle,
            fence,
            point_from_user,
            unpoint_from_user,
            list_first,
            list_rest,
            point_when_due,
            unpoint_when_due,
            due_first,
            due_rest,
            request,
            request_decided,
            decide_request,
        ] = prepared.try_into().map_err(|_| CqlError::unexpected("not as many statements as texts"))?;
        Ok(Self {
            row,
            row_decided,
            take_on,
            claim,
            settle,
            fence,
            point_from_user,
            unpoint_from_user,
            list_first,
            list_rest,
            point_when_due,
            unpoint_when_due,
            due_first,
            due_rest,
            request,
            request_decided,
            decide_request,
        })
    }
}
