//! One event and what everybody may know about it without knowing its body.

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use uuid::Uuid;

use crate::{EventKind, InvalidEventKind, OutboxKey};

/// One event: what happened, to whom, when, and the body that its contract describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Identifies the event for ever; a copy that comes twice has the same id.
    pub id: Uuid,
    /// What happened.
    pub kind: EventKind,
    /// To whom: the aggregate's id.
    pub subject: Uuid,
    /// The aggregate's version after the change. Consumers drop what is not newer than what they stored.
    pub version: u64,
    /// When it happened, in milliseconds since the Unix epoch.
    pub occur_time_ms: u64,
    /// The body: JSON, as `event.v1` describes it.
    pub body: Bytes,
    /// The W3C trace context of the call that caused it, so that a consumer's span can link to it.
    pub traceparent: Option<String>,
}

/// Stored bytes are no envelope.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// There is not even a version.
    #[error("the stored envelope is empty")]
    Empty,
    /// It was written by a newer version of the platform.
    #[error("the stored envelope has version {0}, this version reads 1")]
    Version(u8),
    /// The fields cannot be read.
    #[error("the stored envelope is damaged")]
    Fields(#[source] prost::DecodeError),
    /// An id does not have 16 bytes.
    #[error("an id of the stored envelope has {0} bytes, expected 16")]
    Id(usize),
    /// The kind has a wrong form.
    #[error("the kind of the stored envelope is wrong")]
    Kind(#[source] InvalidEventKind),
}

/// The first byte of everything this crate stores. What follows are protobuf fields, which may grow without a
/// new version; it changes only when old readers must not read on.
const VERSION: u8 = 1;

/// The envelope as it is stored.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct StoredEnvelope {
    #[prost(bytes = "bytes", tag = "1")]
    id: Bytes,
    #[prost(string, tag = "2")]
    kind: String,
    #[prost(bytes = "bytes", tag = "3")]
    subject: Bytes,
    #[prost(uint64, tag = "4")]
    version: u64,
    #[prost(uint64, tag = "5")]
    occur_time_ms: u64,
    #[prost(bytes = "bytes", tag = "6")]
    body: Bytes,
    #[prost(string, optional, tag = "7")]
    traceparent: Option<String>,
}

// === impl Envelope ===

impl Envelope {
    /// The envelope's place in the outbox.
    pub fn outbox_key(&self) -> OutboxKey {
        OutboxKey { occur_time_ms: self.occur_time_ms, id: self.id }
    }

    /// The bytes under which the envelope is stored.
    pub fn encode(&self) -> Bytes {
        encode_versioned(&StoredEnvelope::from(self))
    }

    /// Reads an envelope from what [`Envelope::encode`] gave. The body shares the bytes.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(stored: Bytes) -> Result<Self, DecodeError> {
        decode_versioned::<StoredEnvelope>(stored)?.try_into()
    }
}

/// Puts the version byte before the fields of a stored message.
pub(crate) fn encode_versioned(message: &impl Message) -> Bytes {
    let mut stored = BytesMut::with_capacity(1 + message.encoded_len());
    stored.put_u8(VERSION);
    message.encode_raw(&mut stored);
    stored.freeze()
}

/// Checks the version byte and reads the fields behind it.
pub(crate) fn decode_versioned<M: Message + Default>(mut stored: Bytes) -> Result<M, DecodeError> {
    match stored.first() {
        None => return Err(DecodeError::Empty),
        Some(&VERSION) => {}
        Some(&other) => return Err(DecodeError::Version(other)),
    }
    M::decode(stored.split_off(1)).map_err(DecodeError::Fields)
}

// === impl StoredEnvelope ===

impl StoredEnvelope {
    pub(crate) fn id(&self) -> Result<Uuid, DecodeError> {
        uuid(&self.id)
    }
}

fn uuid(bytes: &Bytes) -> Result<Uuid, DecodeError> {
    Uuid::from_slice(bytes).map_err(|_| DecodeError::Id(bytes.len()))
}

impl From<&Envelope> for StoredEnvelope {
    fn from(envelope: &Envelope) -> Self {
        Self {
            id: Bytes::copy_from_slice(envelope.id.as_bytes()),
            kind: envelope.kind.as_str().to_owned(),
            subject: Bytes::copy_from_slice(envelope.subject.as_bytes()),
            version: envelope.version,
            occur_time_ms: envelope.occur_time_ms,
            body: envelope.body.clone(),
            traceparent: envelope.traceparent.clone(),
        }
    }
}

impl TryFrom<StoredEnvelope> for Envelope {
    type Error = DecodeError;

    fn try_from(stored: StoredEnvelope) -> Result<Self, Self::Error> {
        Ok(Self {
            id: uuid(&stored.id)?,
            subject: uuid(&stored.subject)?,
            kind: stored.kind.try_into().map_err(DecodeError::Kind)?,
            version: stored.version,
            occur_time_ms: stored.occur_time_ms,
            body: stored.body,
            traceparent: stored.traceparent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            id: Uuid::from_u128(7),
            kind: EventKind::from_static("user.created"),
            subject: Uuid::from_u128(9),
            version: 3,
            occur_time_ms: 1_700_000_000_123,
            body: Bytes::from_static(br#"{"user_id":"9"}"#),
            traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        }
    }

    #[test]
    fn is_read_as_it_was_stored() {
        let bare = Envelope { traceparent: None, body: Bytes::new(), version: 0, ..envelope() };
        for envelope in [envelope(), bare] {
            assert_eq!(Envelope::decode(envelope.encode()).unwrap(), envelope);
        }
    }

    #[test]
    fn refuses_a_newer_version() {
        let mut stored = envelope().encode().to_vec();
        stored[0] = 2;
        assert!(matches!(Envelope::decode(stored.into()), Err(DecodeError::Version(2))));
    }

    #[test]
    fn refuses_what_was_cut_anywhere_without_panicking() {
        let stored = envelope().encode();
        for length in 0..stored.len() {
            // A cut between two fields is a valid message with fewer fields; it must not be the same event.
            let read = Envelope::decode(stored.slice(..length));
            assert_ne!(read.ok(), Some(envelope()), "cut at {length}");
        }
    }
}
