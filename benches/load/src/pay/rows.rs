//! The sizes of what the stack wrote, read from its own files, so that redb alone writes the same.

use std::{collections::HashMap, path::Path};

use anyhow::Context as _;
use mesh_events::{Envelope, EventKind};
use proto::event::v1::PaymentCaptured;
use redb::{Database, ReadableDatabase as _, ReadableTableMetadata as _, TableHandle as _};
use uuid::Uuid;

/// One value of each kind, of the average size that the stack wrote.
pub(super) struct Rows {
    pub(super) answer: Vec<u8>,
    pub(super) book: Vec<u8>,
    pub(super) payment: Vec<u8>,
    pub(super) operation: Vec<u8>,
    pub(super) transfer: Vec<u8>,
    pub(super) item: Vec<u8>,
    pub(super) transaction: Vec<u8>,
    pub(super) account: Vec<u8>,
    pub(super) envelope: Vec<u8>,
}

impl Rows {
    /// The sizes in the files below a data folder of a stack that has stopped.
    pub(super) fn read(data: &Path) -> anyhow::Result<Self> {
        let services = averages(&data.join("stack.redb"))?;
        let provider = averages(&data.join("provider.redb"))?;
        let value = |tables: &HashMap<String, usize>, name: &str, key: usize| {
            let row = tables.get(name).with_context(|| format!("the stack has no rows in {name}"))?;
            anyhow::Ok(vec![1; row.saturating_sub(key)])
        };
        let payment_id = Uuid::nil().to_string().len();
        Ok(Self {
            answer: value(&services, "kit.requests", 32)?,
            book: value(&services, "payment.books", 19)?,
            payment: value(&services, "payment.payments", 16)?,
            operation: value(&services, "payment.operations", 20)?,
            transfer: value(&services, "payment.transfers", 27)?,
            item: value(&services, "notification.items", 16)?,
            transaction: value(&provider, "sandbox.transactions", 8)?,
            account: value(&provider, "sandbox.accounts", payment_id)?,
            envelope: envelope()?,
        })
    }
}

/// The average size of a row with its key, by table.
fn averages(file: &Path) -> anyhow::Result<HashMap<String, usize>> {
    let database = Database::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let snapshot = database.begin_read()?;
    let mut averages = HashMap::new();
    for table in snapshot.list_tables()? {
        let name = table.name().to_owned();
        let table = snapshot.open_untyped_table(table)?;
        if let Some(average) = table.stats()?.stored_bytes().checked_div(table.len()?) {
            averages.insert(name, usize::try_from(average)?);
        }
    }
    Ok(averages)
}

/// An event that waits in the outbox or in a queue. None does any more when the stack has stopped, so it is made.
fn envelope() -> anyhow::Result<Vec<u8>> {
    let id = Uuid::nil();
    let body = PaymentCaptured {
        payment_id: id.to_string(),
        user_id: id.to_string(),
        amount_minor: 4_200,
        authorized_minor: 4_200,
        currency: "EUR".to_owned(),
        timestamp: Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 123_000_000 }),
    };
    let envelope = Envelope {
        id,
        kind: EventKind::from_static("payment.captured"),
        subject: id,
        version: 3,
        occur_time_ms: 1_700_000_000_123,
        body: serde_json::to_vec(&body)?.into(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    };
    Ok(envelope.encode().to_vec())
}
