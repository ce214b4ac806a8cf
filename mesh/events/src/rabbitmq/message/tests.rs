//! Whatever a message says, reading it neither panics nor makes up an event.

use lapin::types::{DecimalValue, FieldArray};
use proptest::{collection, option, prelude::*};

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

fn header(properties: &BasicProperties, name: &str) -> Option<AMQPValue> {
    properties.headers().as_ref()?.inner().get(name).cloned()
}

#[test]
fn an_event_carries_its_attributes_as_cloud_events_spells_them() {
    let properties = encode(&envelope(), "/user", Past { attempt: 2, failures: 1 });
    for (name, value) in [
        ("cloudEvents_id", "00000000-0000-0000-0000-000000000007"),
        ("cloudEvents_source", "/user"),
        ("cloudEvents_type", "user.created.v1"),
        ("cloudEvents_specversion", "1.0"),
        ("cloudEvents_subject", "00000000-0000-0000-0000-000000000009"),
        ("cloudEvents_time", "2023-11-14T22:13:20.123Z"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ] {
        assert_eq!(header(&properties, name), Some(AMQPValue::LongString(value.into())), "{name}");
    }
    assert_eq!(header(&properties, "aggregate_version"), Some(AMQPValue::LongLongInt(3)));
    assert_eq!(header(&properties, "x-attempt"), Some(AMQPValue::LongLongInt(2)));
    assert_eq!(header(&properties, "x-failures"), Some(AMQPValue::LongLongInt(1)));
    assert_eq!(properties.content_type().as_ref().map(ShortString::as_str), Some("application/json"));
    assert_eq!(properties.delivery_mode(), &Some(2));
}

#[test]
fn an_event_is_read_as_it_was_written() {
    let bare = Envelope { traceparent: None, body: Bytes::new(), version: u64::MAX, ..envelope() };
    for envelope in [envelope(), bare] {
        let properties = encode(&envelope, "/user", Past::NONE);
        assert_eq!(decode(&properties, envelope.body.clone()), Ok(envelope));
        assert_eq!((past(&properties), deaths(&properties)), (Past::NONE, 0));
    }
}

#[test]
fn an_attempt_is_what_was_written_and_the_deliveries_that_the_broker_counted() {
    let mut headers =
        encode(&envelope(), "/user", Past { attempt: 3, failures: 1 }).headers().clone().unwrap();
    headers.insert(short("x-delivery-count"), AMQPValue::LongLongInt(2));
    let properties = BasicProperties::default().with_headers(headers);
    assert_eq!((past(&properties), deaths(&properties)), (Past { attempt: 5, failures: 1 }, 2));
}

#[test]
fn a_parked_message_says_why_and_drops_what_the_broker_wrote() {
    let mut headers =
        encode(&envelope(), "/user", Past { attempt: 3, failures: 2 }).headers().clone().unwrap();
    for name in ["x-death", "x-first-death-reason", "x-delivery-count", "BCC"] {
        headers.insert(short(name), AMQPValue::LongLongInt(1));
    }
    let properties = parked(&BasicProperties::default().with_headers(headers), b"", "broken", 4, 99);
    let names: Vec<_> =
        properties.headers().iter().flat_map(FieldTable::inner).map(|(name, _)| name.to_string()).collect();
    assert!(!names.iter().any(|name| name.contains("death") || name == "x-delivery-count" || name == "BCC"));
    let read = read_parked(&properties, envelope().body);
    let expected =
        ParkedEvent { envelope: envelope(), reason: "broken".into(), park_time_ms: 99, attempts: 4 };
    assert_eq!(read, expected);
}

#[test]
fn a_reason_is_cut_between_two_characters() {
    let properties = parked(&BasicProperties::default(), b"", &"é".repeat(REASON_BYTES_MAX), 1, 1);
    assert_eq!(read_parked(&properties, Bytes::new()).reason, "é".repeat(REASON_BYTES_MAX / 2));
}

/// Any value that a header can have, two levels deep.
fn value() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<u8>().prop_map(AMQPValue::ShortShortUInt),
        any::<i16>().prop_map(AMQPValue::ShortInt),
        any::<u16>().prop_map(AMQPValue::ShortUInt),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<u32>().prop_map(AMQPValue::LongUInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        any::<f64>().prop_map(AMQPValue::Double),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        (any::<u8>(), any::<u32>())
            .prop_map(|(scale, value)| AMQPValue::DecimalValue(DecimalValue { scale, value })),
        collection::vec(any::<u8>(), 0..40).prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        "[0-9T:.Zz+-]{0,30}".prop_map(|text| AMQPValue::LongString(text.into_bytes().into())),
        "[a-z.]{0,12}(\\.v1)?".prop_map(|text| AMQPValue::LongString(text.into_bytes().into())),
        collection::vec(any::<u8>(), 0..8).prop_map(|bytes| AMQPValue::ByteArray(bytes.into())),
        Just(AMQPValue::Void),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        collection::vec(inner, 0..4).prop_map(|values| AMQPValue::FieldArray(FieldArray::from(values)))
    })
}

/// The headers of an event, of which any may be missing or replaced.
fn headers() -> impl Strategy<Value = FieldTable> {
    const NAMES: [&str; 12] = [
        ID,
        SOURCE,
        TYPE,
        SPEC_VERSION,
        SUBJECT,
        TIME,
        VERSION,
        TRACEPARENT,
        ATTEMPT,
        FAILURES,
        DELIVERY_COUNT,
        PARK_REASON,
    ];
    let changes = collection::vec((0..NAMES.len(), option::of(value())), 1..5);
    changes.prop_map(|changes| {
        let mut headers = encode(&envelope(), "/user", Past::NONE).headers().clone().unwrap().inner().clone();
        for (n, change) in changes {
            match change {
                Some(value) => headers.insert(short(NAMES[n]), value),
                None => headers.remove(NAMES[n]),
            };
        }
        headers.into()
    })
}

proptest! {
    #[test]
    fn no_headers_make_reading_panic(headers in headers(), body in collection::vec(any::<u8>(), 0..64)) {
        let properties = BasicProperties::default().with_headers(headers);
        let body = Bytes::from(body);
        let (read, attempts) = (decode(&properties, body.clone()), past(&properties).attempt);
        prop_assert!(attempts >= 1);
        // Parked, it is listed as what it was, or as what cannot be read.
        let again = parked(&properties, &body, "broken", attempts, 1);
        let listed = read_parked(&again, body.clone());
        prop_assert_eq!(listed.reason, "broken");
        match read {
            Ok(envelope) => prop_assert_eq!(listed.envelope, envelope),
            Err(_) => prop_assert_eq!((listed.envelope.kind, listed.envelope.body), (UNREADABLE, body)),
        }
    }
}
