//! The protocol's bounds.

use std::time::Duration;

use uuid::Uuid;

/// The protocol's bounds. The defaults suit production; tests shorten them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitConfig {
    /// Names this instance in the leases of shards; no two live instances may share it. Default: random.
    pub instance: String,
    /// How old an intent may be when its commit is sent. Every instance must have the same. Default 15 s.
    pub commit_within: Duration,
    /// For how long a shard is an instance's own after it last said so. Default 15 s.
    pub lease: Duration,
    /// Beyond this lag new events are refused, [`CommitError::OutboxLag`](super::CommitError::OutboxLag): they must
    /// not expire unpublished. Default 48 h; events expire after seven days.
    pub lag_max: Duration,
    /// Beyond this lag the log says so. Default 1 h.
    pub lag_alarm: Duration,
    /// How far back closed buckets are looked at again. Default 24 h.
    pub look_back: Duration,
    /// How often they are. Default 1 h.
    pub look_back_every: Duration,
}

impl Default for CommitConfig {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            instance: Uuid::new_v4().to_string(),
            commit_within: Duration::from_secs(15),
            lease: Duration::from_secs(15),
            lag_max: 48 * HOUR,
            lag_alarm: HOUR,
            look_back: 24 * HOUR,
            look_back_every: HOUR,
        }
    }
}
