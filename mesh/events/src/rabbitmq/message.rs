//! An event as a message: its attributes as headers, its body as the body.
//!
//! The headers are those of CloudEvents' binary mode, spelt as its AMQP binding spells application properties, which
//! the broker maps to and from these headers. A consumer in another language needs nothing of ours.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};
use prost_types::Timestamp;
use uuid::Uuid;

use super::names::short;
use crate::{Envelope, EventKind, ParkedEvent};

const ID: &str = "cloudEvents_id";
const SOURCE: &str = "cloudEvents_source";
const TYPE: &str = "cloudEvents_type";
const SPEC_VERSION: &str = "cloudEvents_specversion";
const SUBJECT: &str = "cloudEvents_subject";
const TIME: &str = "cloudEvents_time";
const VERSION: &str = "aggregate_version";
const TRACEPARENT: &str = "traceparent";
const ATTEMPT: &str = "x-attempt";
const FAILURES: &str = "x-failures";
const PARK_REASON: &str = "x-park-reason";
const PARK_TIME_MS: &str = "x-park-time-ms";
const DELIVERY_COUNT: &str = "x-delivery-count";
/// The version of the body's contract, which ends the type.
const TYPE_VERSION: &str = ".v1";
/// A reason must fit a frame together with the rest.
const REASON_BYTES_MAX: usize = 4096;
/// The kind under which a message is listed that is no event.
const UNREADABLE: EventKind = EventKind::from_static("unreadable");

/// The deliveries that a message has behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Past {
    /// The number of its next delivery.
    pub(super) attempt: u32,
    /// Those that ended in a retry.
    pub(super) failures: u32,
}

/// A message is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// A header is missing or has a wrong type.
    #[error("the header {0} is missing or has a wrong type")]
    Missing(&'static str),
    /// A header has a wrong value.
    #[error("the header {0} has a wrong value")]
    Wrong(&'static str),
}

/// A message on its way to the broker.
#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) exchange: &'static str,
    pub(super) key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
}

/// Writes an event.
pub(super) fn encode(envelope: &Envelope, source: &str, past: Past) -> BasicProperties {
    let mut headers = FieldTable::default();
    let mut text = |name: &str, value: &str| {
        headers.insert(short(name), AMQPValue::LongString(value.into()));
    };
    let id = envelope.id.to_string();
    text(ID, &id);
    text(SOURCE, source);
    text(TYPE, &format!("{}{TYPE_VERSION}", envelope.kind));
    text(SPEC_VERSION, "1.0");
    text(SUBJECT, &envelope.subject.to_string());
    text(TIME, &rfc3339(envelope.occur_time_ms));
    if let Some(traceparent) = &envelope.traceparent {
        text(TRACEPARENT, traceparent);
    }
    headers.insert(short(VERSION), AMQPValue::LongLongInt(envelope.version.cast_signed()));
    headers.insert(short(ATTEMPT), AMQPValue::LongLongInt(past.attempt.into()));
    if past.failures > 0 {
        headers.insert(short(FAILURES), AMQPValue::LongLongInt(past.failures.into()));
    }
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(2)
        .with_message_id(short(&id))
        .with_timestamp(envelope.occur_time_ms / 1000)
        .with_type(short(envelope.kind.as_str()))
        .with_headers(headers)
}

/// Reads an event.
pub(super) fn decode(properties: &BasicProperties, body: Bytes) -> Result<Envelope, Unreadable> {
    let headers = properties.headers().as_ref();
    let required = |name| text(headers, name).ok_or(Unreadable::Missing(name));
    let kind = required(TYPE)?;
    let kind = kind.strip_suffix(TYPE_VERSION).ok_or(Unreadable::Wrong(TYPE))?;
    Ok(Envelope {
        id: required(ID)?.parse().map_err(|_| Unreadable::Wrong(ID))?,
        kind: kind.parse().map_err(|_| Unreadable::Wrong(TYPE))?,
        subject: required(SUBJECT)?.parse().map_err(|_| Unreadable::Wrong(SUBJECT))?,
        version: integer(headers, VERSION).ok_or(Unreadable::Missing(VERSION))?.cast_unsigned(),
        occur_time_ms: unix_ms(required(TIME)?).ok_or(Unreadable::Wrong(TIME))?,
        body,
        traceparent: text(headers, TRACEPARENT).map(str::to_owned),
    })
}

/// Deliveries of this message that ended without an outcome, as the broker counts.
pub(super) fn deaths(properties: &BasicProperties) -> u32 {
    integer(properties.headers().as_ref(), DELIVERY_COUNT).map_or(0, saturated)
}

/// What a delivery has behind it: what the message says, and one attempt more for each delivery without an outcome.
pub(super) fn past(properties: &BasicProperties) -> Past {
    let said = |name| integer(properties.headers().as_ref(), name).map(saturated);
    let attempt = said(ATTEMPT).unwrap_or_default().max(1).saturating_add(deaths(properties));
    // A version that did not count them apart wrote none: the next wait is the first.
    Past { attempt, failures: said(FAILURES).unwrap_or_default() }
}

/// The properties of a message that comes again no sooner than `after`.
pub(super) fn with_expiration(properties: BasicProperties, after: Duration) -> BasicProperties {
    properties.with_expiration(short(&after.as_millis().to_string()))
}

/// The properties of a parked message. Whatever the message said before stays, but for what the broker wrote on
/// its way: it drops a message that seems to go round in circles.
pub(super) fn parked(
    properties: &BasicProperties,
    body: &[u8],
    reason: &str,
    attempts: u32,
    time_ms: u64,
) -> BasicProperties {
    let headers = properties.headers().as_ref().map(|headers| headers.inner().clone()).unwrap_or_default();
    let is_brokers = |name: &str| {
        name.starts_with("x-death")
            || name.starts_with("x-first-death")
            || name.starts_with("x-last-death")
            || name == DELIVERY_COUNT
            || name == "CC"
            || name == "BCC"
    };
    let mut headers: BTreeMap<_, _> =
        headers.into_iter().filter(|(name, _)| !is_brokers(name.as_str())).collect();
    let reason = &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)];
    headers.insert(short(PARK_REASON), AMQPValue::LongString(reason.into()));
    headers.insert(short(PARK_TIME_MS), AMQPValue::LongLongInt(time_ms.cast_signed()));
    headers.insert(short(ATTEMPT), AMQPValue::LongLongInt(attempts.into()));
    let id = properties.message_id().clone().unwrap_or_else(|| short(&id_of(body).to_string()));
    let kept =
        BasicProperties::default().with_delivery_mode(2).with_headers(headers.into()).with_message_id(id);
    let kept = properties.content_type().iter().cloned().fold(kept, BasicProperties::with_content_type);
    properties.kind().iter().cloned().fold(kept, BasicProperties::with_type)
}

/// Reads a parked message. One that is no event is listed too, under an id of its own and the kind `unreadable`,
/// so that an operator sees it and can discard it.
pub(super) fn read_parked(properties: &BasicProperties, body: Bytes) -> ParkedEvent {
    let headers = properties.headers().as_ref();
    let envelope = decode(properties, body.clone()).unwrap_or_else(|_| placeholder(properties, body));
    // Without a reason of ours it was the broker that parked it.
    let reason = text(headers, PARK_REASON)
        .map_or_else(|| "the broker gave up: too many deliveries had no outcome".to_owned(), str::to_owned);
    ParkedEvent {
        envelope,
        reason,
        park_time_ms: integer(headers, PARK_TIME_MS).unwrap_or_default().cast_unsigned(),
        attempts: integer(headers, ATTEMPT).map_or(1, saturated),
    }
}

// === impl Past ===

impl Past {
    pub(super) const NONE: Self = Self { attempt: 1, failures: 0 };

    /// With one more that ended in a retry.
    pub(super) fn failed(self) -> Self {
        let Self { attempt, failures } = self;
        Self { attempt: attempt.saturating_add(1), failures: failures.saturating_add(1) }
    }
}

fn placeholder(properties: &BasicProperties, body: Bytes) -> Envelope {
    let id = properties.message_id().as_ref().and_then(|id| id.as_str().parse().ok());
    Envelope {
        id: id.unwrap_or_else(|| id_of(&body)),
        kind: UNREADABLE,
        subject: Uuid::nil(),
        version: 0,
        occur_time_ms: 0,
        body,
        traceparent: None,
    }
}

/// The id of a message that has none.
fn id_of(body: &[u8]) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, body)
}

fn text<'a>(headers: Option<&'a FieldTable>, name: &str) -> Option<&'a str> {
    match headers?.inner().get(name)? {
        AMQPValue::LongString(value) => std::str::from_utf8(value.as_bytes()).ok(),
        AMQPValue::ShortString(value) => Some(value.as_str()),
        _ => None,
    }
}

fn integer(headers: Option<&FieldTable>, name: &str) -> Option<i64> {
    Some(match headers?.inner().get(name)? {
        AMQPValue::ShortShortInt(value) => (*value).into(),
        AMQPValue::ShortShortUInt(value) => (*value).into(),
        AMQPValue::ShortInt(value) => (*value).into(),
        AMQPValue::ShortUInt(value) => (*value).into(),
        AMQPValue::LongInt(value) => (*value).into(),
        AMQPValue::LongUInt(value) => (*value).into(),
        AMQPValue::LongLongInt(value) => *value,
        _ => return None,
    })
}

fn saturated(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}

fn rfc3339(unix_ms: u64) -> String {
    let nanos = i32::try_from(unix_ms % 1000).unwrap_or_default() * 1_000_000;
    let seconds = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
    Timestamp { seconds, nanos }.to_string()
}

fn unix_ms(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    let ms = time.seconds.checked_mul(1000)?.checked_add(i64::from(time.nanos / 1_000_000))?;
    u64::try_from(ms).ok()
}
