//! The protocol's statements, each prepared once.

use super::{
    draft::{EVENT, REQUEST, Table},
    place::SHARDS,
};
use crate::cql::{Cql, CqlError, Purpose, Statement};

/// How long a request's memory is kept, in seconds: a day longer than it is valid, which its expiry decides.
const MEMORY_TTL_S: u32 = 8 * 24 * 3600;
/// How long an event's row is kept, in seconds: well beyond its intent, so that no intent can find it gone.
const EVENT_TTL_S: u32 = 14 * 24 * 3600;
/// The most pointers of one request that are looked at.
pub(super) const POINTERS_MAX: usize = 32;
/// Intents read at once.
pub(super) const INTENTS_PAGE: i32 = 1_000;
/// Sets of published intents read at once.
pub(super) const SETS_PAGE: i32 = 64;

/// On the aggregate's partition.
#[derive(Debug)]
pub(super) struct AggregateStatements {
    pub(super) rev: Statement,
    pub(super) decide_rev: Statement,
    pub(super) event: Statement,
    pub(super) decide_event: Statement,
    pub(super) memory: Statement,
    pub(super) decide_memory: Statement,
    /// The first `rev` of a partition.
    pub(super) begin: Statement,
    /// The next `rev`.
    pub(super) move_on: Statement,
    pub(super) put_event: Statement,
    pub(super) put_memory: Statement,
}

/// On the protocol's own tables.
#[derive(Debug)]
pub(super) struct OutboxStatements {
    pub(super) put_intent: Statement,
    pub(super) put_mark: Statement,
    pub(super) put_mark_maybe: Statement,
    /// Which of some buckets have intents at all.
    pub(super) filled: Statement,
    pub(super) intents: Statement,
    pub(super) marks: Statement,
    pub(super) put_published: Statement,
    pub(super) published: Statement,
    pub(super) put_pointer: Statement,
    pub(super) pointers: Statement,
}

/// On the leases of shards.
#[derive(Debug)]
pub(super) struct ShardStatements {
    pub(super) all: Statement,
    pub(super) add: Statement,
    pub(super) take: Statement,
    pub(super) renew: Statement,
    pub(super) decline: Statement,
    pub(super) ask: Statement,
    pub(super) hand_over: Statement,
}

impl AggregateStatements {
    pub(super) async fn prepare(cql: &Cql, table: Table) -> Result<Self, CqlError> {
        let Table { name, key } = table;
        let row = |columns: &str, kind: i8| {
            format!("SELECT {columns} FROM {name} WHERE {key} = ? AND kind = {kind} AND sort = ?")
        };
        let rev = format!("SELECT rev FROM {name} WHERE {key} = ? LIMIT 1");
        let (event, memory) =
            (row("attempt, body", EVENT), row("fingerprint, expire_time_ms, body, attempt", REQUEST));
        let update = format!("UPDATE {name} SET rev = ? WHERE {key} = ? IF rev");
        let put_event = format!(
            "INSERT INTO {name} ({key}, kind, sort, attempt, body) VALUES (?, {EVENT}, ?, ?, ?) USING TTL {EVENT_TTL_S}"
        );
        let put_memory = format!(
            "INSERT INTO {name} ({key}, kind, sort, attempt, fingerprint, expire_time_ms, body) \
             VALUES (?, {REQUEST}, ?, ?, ?, ?, ?) USING TTL {MEMORY_TTL_S}"
        );
        Ok(Self {
            rev: cql.prepare(Purpose::Read, &rev).await?,
            decide_rev: cql.prepare(Purpose::Decide, &rev).await?,
            event: cql.prepare(Purpose::Read, &event).await?,
            decide_event: cql.prepare(Purpose::Decide, &event).await?,
            memory: cql.prepare(Purpose::Read, &memory).await?,
            decide_memory: cql.prepare(Purpose::Decide, &memory).await?,
            begin: cql.prepare(Purpose::Cas, &format!("{update} = null")).await?,
            move_on: cql.prepare(Purpose::Cas, &format!("{update} = ?")).await?,
            put_event: cql.prepare(Purpose::Cas, &put_event).await?,
            put_memory: cql.prepare(Purpose::Cas, &put_memory).await?,
        })
    }
}

impl OutboxStatements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, CqlError> {
        let put_mark =
            "INSERT INTO outbox_mark (shard, bucket, event_id, attempt, mark) VALUES (?, ?, ?, ?, ?)";
        let intents = format!(
            "SELECT event_id, attempt, occur_time_ms, agg_key FROM outbox_intent \
             WHERE shard = ? AND bucket = ? AND (event_id, attempt) > (?, ?) LIMIT {INTENTS_PAGE}"
        );
        let published = format!(
            "SELECT set_id, intents FROM outbox_published WHERE shard = ? AND bucket = ? AND set_id > ? \
             LIMIT {SETS_PAGE}"
        );
        let pointers = format!(
            "SELECT fingerprint, agg_key FROM request_pointer WHERE key = ? LIMIT {}",
            POINTERS_MAX + 1
        );
        let (read, write) = (Purpose::Read, Purpose::Write);
        Ok(Self {
            put_intent: cql
                .prepare(
                    write,
                    "INSERT INTO outbox_intent (shard, bucket, event_id, attempt, occur_time_ms, agg_key) \
                     VALUES (?, ?, ?, ?, ?, ?)",
                )
                .await?,
            put_mark: cql.prepare(write, put_mark).await?,
            put_mark_maybe: cql.prepare(Purpose::Mark, put_mark).await?,
            filled: cql
                .prepare(
                    read,
                    "SELECT bucket FROM outbox_intent WHERE shard = ? AND bucket IN ? PER PARTITION LIMIT 1",
                )
                .await?,
            intents: cql.prepare(read, &intents).await?,
            marks: cql
                .prepare(
                    read,
                    "SELECT event_id, attempt FROM outbox_mark WHERE shard = ? AND bucket = ? \
                     AND (event_id, attempt) > (?, ?) AND (event_id, attempt) <= (?, ?)",
                )
                .await?,
            put_published: cql
                .prepare(
                    write,
                    "INSERT INTO outbox_published (shard, bucket, set_id, intents) VALUES (?, ?, ?, ?)",
                )
                .await?,
            published: cql.prepare(read, &published).await?,
            put_pointer: cql
                .prepare(write, "INSERT INTO request_pointer (key, fingerprint, agg_key) VALUES (?, ?, ?)")
                .await?,
            pointers: cql.prepare(read, &pointers).await?,
        })
    }
}

impl ShardStatements {
    pub(super) async fn prepare(cql: &Cql) -> Result<Self, CqlError> {
        let shards = (0..SHARDS).map(|shard| shard.to_string()).collect::<Vec<_>>().join(", ");
        let all = format!(
            "SELECT shard, owner, heir, lease_until_ms, cursor_bucket, epoch FROM outbox_shard \
             WHERE shard IN ({shards})"
        );
        let cas = async |text| cql.prepare(Purpose::Cas, text).await;
        Ok(Self {
            all: cql.prepare(Purpose::Read, &all).await?,
            add: cas(
                "INSERT INTO outbox_shard (shard, lease_until_ms, cursor_bucket, epoch) VALUES (?, 0, ?, 0) \
                 IF NOT EXISTS",
            )
            .await?,
            take: cas(
                "UPDATE outbox_shard SET owner = ?, heir = null, lease_until_ms = ?, epoch = ? WHERE shard = ? \
                 IF epoch = ? AND lease_until_ms = ?",
            )
            .await?,
            renew: cas(
                "UPDATE outbox_shard SET lease_until_ms = ?, cursor_bucket = ? WHERE shard = ? \
                 IF owner = ? AND epoch = ?",
            )
            .await?,
            decline: cas(
                "UPDATE outbox_shard SET lease_until_ms = ?, cursor_bucket = ?, heir = null WHERE shard = ? \
                 IF owner = ? AND epoch = ?",
            )
            .await?,
            ask: cas("UPDATE outbox_shard SET heir = ? WHERE shard = ? IF epoch = ? AND heir = null").await?,
            hand_over: cas(
                "UPDATE outbox_shard SET owner = ?, heir = null, lease_until_ms = ?, cursor_bucket = ?, epoch = ? \
                 WHERE shard = ? IF owner = ? AND epoch = ?",
            )
            .await?,
        })
    }
}
