//! The driver alone: the statements that the service runs for the same call, in the same order, as many at once.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use load::figures::rate;
use scylla::{
    client::session::Session,
    response::query_result::QueryResult,
    statement::{
        Consistency, SerialConsistency,
        batch::{Batch, BatchType},
        prepared::PreparedStatement,
    },
    value::Row,
};
use tokio::{time::Instant, try_join};
use uuid::Uuid;

use super::Person;

/// A read of the user's columns.
const USER: &str = "SELECT DISTINCT user_id, rev, status, email, email_norm, display_name, locale, version, \
    create_time_ms, update_time_ms FROM users WHERE user_id = ?";
const INTENT: &str = "INSERT INTO outbox_intent (shard, bucket, event_id, attempt, occur_time_ms, agg_key) \
    VALUES (?, ?, ?, ?, ?, ?)";
const INDEX: &str = "INSERT INTO user_index (shard, user_id) VALUES (?, ?)";
const POINTER: &str = "INSERT INTO request_pointer (key, fingerprint, agg_key) VALUES (?, ?, ?)";
const POINTERS: &str = "SELECT fingerprint, agg_key FROM request_pointer WHERE key = ? LIMIT 33";
const REMEMBERED: &str = "SELECT fingerprint, expire_time_ms, body, attempt FROM users \
    WHERE user_id = ? AND kind = 0 AND sort = ?";
const CLAIM: &str =
    "INSERT INTO user_by_email (email_norm, user_id, rev, epoch) VALUES (?, ?, 0, 1) IF NOT EXISTS";
const BEGIN: &str = "UPDATE users SET rev = 1 WHERE user_id = ? IF rev = null";
const SET_USER: &str = "UPDATE users SET status = 'active', email = ?, email_norm = ?, display_name = ?, \
    locale = '', version = 1, create_time_ms = ?, update_time_ms = ? WHERE user_id = ?";
const EVENT: &str = "INSERT INTO users (user_id, kind, sort, attempt, body) VALUES (?, 3, ?, ?, ?) \
    USING TTL 1209600";
const MEMORY: &str = "INSERT INTO users (user_id, kind, sort, attempt, fingerprint, expire_time_ms, body) \
    VALUES (?, 0, ?, ?, ?, ?, ?) USING TTL 691200";

/// About when; only its size matters.
const NOW_MS: i64 = 1_800_000_000_000;

/// The prepared statements.
pub(super) struct Alone<'a> {
    session: &'a Session,
    user: PreparedStatement,
    intent: PreparedStatement,
    index: PreparedStatement,
    pointer: PreparedStatement,
    pointers: PreparedStatement,
    remembered: PreparedStatement,
    claim: PreparedStatement,
    commit: Batch,
}

impl<'a> Alone<'a> {
    /// Prepares the statements on the tables that the service has made.
    pub(super) async fn prepare(session: &'a Session) -> anyhow::Result<Self> {
        let prepare = async |text: &str| -> anyhow::Result<PreparedStatement> {
            let mut prepared = session.prepare(text).await?;
            prepared.set_consistency(Consistency::LocalQuorum);
            prepared.set_serial_consistency(Some(SerialConsistency::Serial));
            Ok(prepared)
        };
        let mut commit = Batch::new(BatchType::Unlogged);
        for text in [BEGIN, SET_USER, EVENT, MEMORY] {
            commit.append_statement(prepare(text).await?);
        }
        commit.set_consistency(Consistency::LocalQuorum);
        commit.set_serial_consistency(Some(SerialConsistency::Serial));
        Ok(Self {
            session,
            user: prepare(USER).await?,
            intent: prepare(INTENT).await?,
            index: prepare(INDEX).await?,
            pointer: prepare(POINTER).await?,
            pointers: prepare(POINTERS).await?,
            remembered: prepare(REMEMBERED).await?,
            claim: prepare(CLAIM).await?,
            commit,
        })
    }

    /// Writes everybody; answers the rate.
    pub(super) async fn create(&self, people: &[Person], at_once: usize) -> anyhow::Result<f64> {
        let start = Instant::now();
        let creating = stream::iter(people).map(|person| self.create_one(person));
        creating.buffer_unordered(at_once).try_collect::<()>().await?;
        Ok(rate(people.len(), start.elapsed()))
    }

    async fn create_one(&self, person: &Person) -> anyhow::Result<()> {
        let Self { session, .. } = self;
        let (id, event, attempt) = (person.id, Uuid::new_v5(&person.id, b"event"), Uuid::now_v7());
        let shard = i16::from(id.as_bytes()[0] % 16);
        let bucket = i32::try_from(NOW_MS / 10_000)?;
        let mut aggregate = vec![0];
        aggregate.extend_from_slice(id.as_bytes());
        let (key, fingerprint) = (hash(&person.request_id), hash(&person.email));
        let announce = async {
            try_join!(
                session.execute_unpaged(&self.intent, (shard, bucket, event, attempt, NOW_MS, &aggregate)),
                session.execute_unpaged(&self.index, (shard, id.as_bytes().as_slice())),
                session.execute_unpaged(&self.pointer, (&key, &fingerprint, &aggregate)),
            )?;
            let pointers = session.execute_unpaged(&self.pointers, (&key,)).await?;
            let found = pointers.into_rows_result()?.rows::<(Vec<u8>, Vec<u8>)>()?.count();
            anyhow::ensure!(found == 1, "{found} pointers of one request");
            let remembered = session.execute_unpaged(&self.remembered, (id, &key)).await?;
            let found = remembered.into_rows_result()?.rows_num();
            anyhow::ensure!(found == 0, "a new request was answered before");
            Ok(())
        };
        let claim = async { applied(session.execute_unpaged(&self.claim, (&person.email, id)).await?) };
        try_join!(announce, claim)?;
        // An envelope and an answer of about the size that the service writes.
        let (body, answer) = (vec![7_u8; 260], vec![7_u8; 110]);
        let values = (
            (id,),
            (&person.email, &person.email, &person.name, NOW_MS, NOW_MS, id),
            (id, event.as_bytes().as_slice(), attempt, body),
            (id, &key, attempt, &fingerprint, NOW_MS, answer),
        );
        applied(session.batch(&self.commit, values).await?)
    }

    /// Reads everybody; answers how long it took.
    pub(super) async fn get(&self, ids: &[Uuid], at_once: usize) -> anyhow::Result<Duration> {
        let start = Instant::now();
        let get = |id: &Uuid| {
            let id = *id;
            async move {
                let result = self.session.execute_unpaged(&self.user, (id,)).await?;
                type Columns = (Uuid, i64, String, String, String, String, String, i64, i64, i64);
                let (found, ..) = result.into_rows_result()?.first_row::<Columns>()?;
                anyhow::ensure!(found == id, "another user was read");
                Ok(())
            }
        };
        stream::iter(ids).map(get).buffer_unordered(at_once).try_collect::<()>().await?;
        Ok(start.elapsed())
    }
}

/// 32 bytes, as the hashes that the service stores.
fn hash(text: &str) -> Vec<u8> {
    let half = Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes());
    [*half.as_bytes(), *half.as_bytes()].concat()
}

/// An error if a conditional write did not happen.
fn applied(result: QueryResult) -> anyhow::Result<()> {
    let rows = result.into_rows_result()?;
    let row: Row = rows.first_row()?;
    let is_applied = row.columns.first().and_then(Option::as_ref).and_then(|value| value.as_boolean());
    anyhow::ensure!(is_applied == Some(true), "a conditional write was refused");
    Ok(())
}
