//! An event in a queue, as it is stored.

use bytes::Bytes;
use prost::Message;

use crate::{
    DecodeError, Envelope, EventKind, ParkedEvent,
    envelope::{StoredEnvelope, decode_versioned, encode_versioned},
};

/// An event in a queue.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct StoredMessage {
    #[prost(message, required, tag = "1")]
    pub(super) envelope: StoredEnvelope,
    /// Deliveries that are known, or feared, to have failed.
    #[prost(uint32, tag = "2")]
    pub(super) attempts: u32,
    /// Why it was parked.
    #[prost(string, tag = "3")]
    pub(super) reason: String,
    /// When it was parked.
    #[prost(uint64, tag = "4")]
    pub(super) park_time_ms: u64,
    /// Deliveries that are known to have failed. A row of an older version has none: its next wait is the first.
    #[prost(uint32, tag = "5")]
    pub(super) failures: u32,
}

/// A queue's definition.
#[derive(Clone, PartialEq, Eq, Message)]
pub(super) struct StoredQueue {
    /// Its number in the other tables' keys.
    #[prost(uint32, tag = "1")]
    pub(super) number: u32,
    #[prost(string, repeated, tag = "2")]
    pub(super) kinds: Vec<String>,
}

// === impl StoredMessage ===

impl StoredMessage {
    /// The first form of an event in a queue; it is the same in every queue.
    pub(super) fn fresh(envelope: &Envelope) -> Bytes {
        let envelope = envelope.into();
        encode_versioned(&Self { envelope, attempts: 0, reason: String::new(), park_time_ms: 0, failures: 0 })
    }

    pub(super) fn encode(&self) -> Bytes {
        encode_versioned(self)
    }

    pub(super) fn decode(stored: &[u8]) -> Result<Self, DecodeError> {
        decode_versioned(Bytes::copy_from_slice(stored))
    }

    pub(super) fn into_parked(self) -> Result<ParkedEvent, DecodeError> {
        let Self { envelope, attempts, reason, park_time_ms, .. } = self;
        Ok(ParkedEvent { envelope: envelope.try_into()?, reason, park_time_ms, attempts })
    }
}

// === impl StoredQueue ===

impl StoredQueue {
    pub(super) fn new(number: u32, kinds: &[EventKind]) -> Self {
        Self { number, kinds: kinds.iter().map(|kind| kind.as_str().to_owned()).collect() }
    }

    pub(super) fn encode(&self) -> Bytes {
        encode_versioned(self)
    }

    pub(super) fn decode(stored: &[u8]) -> Result<Self, DecodeError> {
        decode_versioned(Bytes::copy_from_slice(stored))
    }
}

/// What this crate cannot read, redb calls a corrupted file, and so do we.
pub(super) fn damaged(error: DecodeError) -> redb::Error {
    redb::Error::Corrupted(error.to_string())
}
