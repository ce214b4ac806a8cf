//! Events that were committed and are not published, as the tables tell it.
//!
//! The tables are read as they lie and not through the service's own outbox: looking there takes the leases of shards
//! away from whoever publishes, and would overlook what the service overlooks.

use std::collections::HashSet;

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use scylla::{
    client::session::Session,
    statement::{Consistency, prepared::PreparedStatement},
    value::CqlValue,
};
use service_kit::cql::commit::EVENT;
use uuid::Uuid;

/// The table whose partitions are a service's aggregates, and its key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aggregates {
    table: &'static str,
    key: &'static str,
}

pub(super) const USERS: Aggregates = Aggregates { table: "users", key: "user_id" };
pub(super) const BOOKS: Aggregates = Aggregates { table: "payment_book", key: "book" };

/// An intent, and one try of it.
type Attempt = (Uuid, Uuid);

/// How many events were committed and are not marked as published. Intents that were never committed are no events;
/// one that was, although it is marked as given up, is an event that is lost.
pub(super) async fn unpublished(
    session: &Session,
    keyspace: &str,
    aggregates: Aggregates,
) -> anyhow::Result<usize> {
    // Before the intents: what is marked in between was an event when it was looked for.
    let text = format!("SELECT intents FROM {keyspace}.outbox_published");
    let mut sets = session.query_iter(text, ()).await?.rows_stream::<(Vec<u8>,)>()?;
    let mut marked: HashSet<Attempt> = HashSet::new();
    while let Some((set,)) = sets.try_next().await? {
        marked.extend(set.chunks_exact(32).map(attempt).collect::<Result<Vec<_>, _>>()?);
    }
    let text = format!("SELECT event_id, attempt, agg_key FROM {keyspace}.outbox_intent");
    let intents = session.query_iter(text, ()).await?.rows_stream::<(Uuid, Uuid, Vec<u8>)>()?;
    let is_open = |(event, attempt, _): &(Uuid, Uuid, Vec<u8>)| !marked.contains(&(*event, *attempt));
    let open: Vec<_> = intents.try_filter(|intent| std::future::ready(is_open(intent))).try_collect().await?;
    let event = event_of(session, keyspace, aggregates).await?;
    let mut unpublished = 0;
    for (id, attempt, aggregate) in open {
        let values = (key(&aggregate)?, id.as_bytes().as_slice());
        let found = session.execute_unpaged(&event, values).await?.into_rows_result()?;
        let committed = found.maybe_first_row::<(Uuid,)>()?;
        unpublished += usize::from(committed == Some((attempt,)));
    }
    Ok(unpublished)
}

/// One of a set of published intents: 16 bytes of the event's id, and as many of the attempt's.
fn attempt(stored: &[u8]) -> anyhow::Result<Attempt> {
    let (event, attempt) = stored.split_at(16);
    Ok((Uuid::from_slice(event)?, Uuid::from_slice(attempt)?))
}

/// Reads which attempt an event was committed by; a commit that is under way is brought to its end by that.
async fn event_of(
    session: &Session,
    keyspace: &str,
    Aggregates { table, key }: Aggregates,
) -> anyhow::Result<PreparedStatement> {
    let text =
        format!("SELECT attempt FROM {keyspace}.{table} WHERE {key} = ? AND kind = {EVENT} AND sort = ?");
    let mut statement = session.prepare(text).await?;
    statement.set_consistency(Consistency::Serial);
    Ok(statement)
}

/// The partition's key: 0 and a uuid, or 1 and a text.
fn key(stored: &[u8]) -> anyhow::Result<CqlValue> {
    let key = match stored.split_first() {
        Some((0, bytes)) => Uuid::from_slice(bytes).ok().map(CqlValue::Uuid),
        Some((1, bytes)) => str::from_utf8(bytes).ok().map(|text| CqlValue::Text(text.to_owned())),
        _ => None,
    };
    key.context("an intent leads to no aggregate")
}
