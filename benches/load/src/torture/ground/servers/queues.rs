//! Events that are in a queue, ready or waiting, and those that a consumer has out. Parked ones the API tells.

use std::collections::HashMap;

use anyhow::Context as _;
use lapin::{
    Connection, ConnectionProperties,
    options::QueueDeclareOptions,
    types::{FieldTable, ShortString},
};
use serde_json::Value;

use super::Servers;

/// What the names of queues begin with in which events are on their way, also those of the retry ladder.
const ON_THE_WAY: &str = "q.";

/// Every queue with an event in it.
pub(super) async fn look(servers: &Servers) -> anyhow::Result<Vec<String>> {
    let path = format!("/api/queues/{}?columns=name,messages_unacknowledged", servers.vhost);
    let queues: Vec<Value> = servers.broker.management().get(&path).await?;
    let out: HashMap<&str, u64> = queues.iter().filter_map(out).collect();
    let connection = Connection::connect(&servers.uri(), ConnectionProperties::default()).await?;
    let mut told = count(&connection, &out).await?;
    // The channel may be closing by itself just now, which lapin calls an error; all was asked by then.
    let _ = connection.close(200, ShortString::default()).await;
    told.sort_unstable();
    Ok(told)
}

/// A queue of those, and how many of its events consumers have out, as of some seconds ago; nothing is said of a queue
/// that is very young.
fn out(queue: &Value) -> Option<(&str, u64)> {
    let name = queue["name"].as_str().filter(|name| name.starts_with(ON_THE_WAY))?;
    Some((name, queue["messages_unacknowledged"].as_u64().unwrap_or(0)))
}

/// Asks for each queue by itself: the management API would tell what was ready some seconds ago.
async fn count(connection: &Connection, out: &HashMap<&str, u64>) -> anyhow::Result<Vec<String>> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let mut told = Vec::new();
    for (name, out) in out {
        let short = ShortString::try_new(*name).context("a name that is too long")?;
        let queue = channel.queue_declare(short, passive, FieldTable::default()).await?;
        // Nobody has anything out who is not there any more.
        let (ready, out) = (queue.message_count(), if queue.consumer_count() > 0 { *out } else { 0 });
        if ready > 0 || out > 0 {
            told.push(format!("events in {name}: {ready} ready, {out} out"));
        }
    }
    Ok(told)
}
