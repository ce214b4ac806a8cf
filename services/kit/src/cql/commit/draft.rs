//! What is to be committed, and what became of it.

use mesh_events::Envelope;
use scylla::value::CqlValue;

use super::{boot_time::BootTime, key::Key, place::Place};
use crate::requests::Request;

/// The kind of a row that remembers a request; its `sort` is [`Request::key`].
pub const REQUEST: i8 = 0;
/// The kind of an event's row; its `sort` is the event's id, its `body` the encoded [`Envelope`].
pub const EVENT: i8 = 3;

/// A table of aggregates, one partition each.
///
/// Its columns: the key (`uuid` or `text`), `kind tinyint`, `sort blob`, `rev bigint static`, `attempt uuid`,
/// `fingerprint blob`, `expire_time_ms bigint`, `body blob`, and the service's own; its primary key is
/// `((key), kind, sort)`. The kinds [`REQUEST`] and [`EVENT`] are the protocol's. Every write to it goes through
/// [`Commits`](super::Commits). A keyspace has one such table, because the outbox does not say whose an intent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// The table's name.
    pub name: &'static str,
    /// The name of the column that is the partition key.
    pub key: &'static str,
}

/// What is to be committed, beside the service's own rows.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The aggregate's partition key: a `uuid` or a `text`.
    pub key: CqlValue,
    /// The event that tells of the change.
    pub event: Option<Envelope>,
    /// The request that asked for the change, and the answer to remember.
    pub request: Option<(Request, Vec<u8>)>,
}

/// A draft whose intent and pointers are durable; to be committed once.
#[derive(Debug)]
pub struct Intended {
    pub(super) key: Key,
    /// The `rev` at which it may be committed.
    pub(super) expected: Option<i64>,
    pub(super) attempt: uuid::Uuid,
    pub(super) event: Option<Envelope>,
    pub(super) request: Option<(Request, Vec<u8>)>,
    /// The event's place in the outbox, and when it was computed.
    pub(super) intent: Option<(Place, BootTime)>,
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is true, and its event will be published.
    Committed {
        /// The partition's `rev` now, if nobody moved it since.
        rev: i64,
    },
    /// It did not happen and never will: `rev` is another one. Read again, decide again, intend anew.
    Moved,
}
