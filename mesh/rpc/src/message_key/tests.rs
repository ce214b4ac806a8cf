use http::{HeaderName, HeaderValue};
use proptest::prelude::*;
use prost::Message as _;

use super::*;

/// `message Outer { Inner inner = 1; string id = 2; uint64 number = 3; fixed64 wide = 4; repeated string list = 5; }`
#[derive(Clone, PartialEq, prost::Message)]
struct Outer {
    #[prost(message, optional, tag = "1")]
    inner: Option<Inner>,
    #[prost(string, tag = "2")]
    id: String,
    #[prost(uint64, tag = "3")]
    number: u64,
    #[prost(fixed64, tag = "4")]
    wide: u64,
    #[prost(string, repeated, tag = "5")]
    list: Vec<String>,
    #[prost(sfixed32, tag = "6")]
    narrow: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Inner {
    #[prost(string, tag = "7")]
    id: String,
}

const fn field(path: &'static [u32], encoding: FieldEncoding) -> MessageField {
    MessageField { name: "", path, encoding }
}

const ID: MessageField = field(&[2], FieldEncoding::Bytes);
const NUMBER: MessageField = field(&[3], FieldEncoding::Varint);
const INNER_ID: MessageField = field(&[1, 7], FieldEncoding::Bytes);

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap();
    [&[PLAIN][..], &length.to_be_bytes(), message].concat()
}

#[test]
fn finds_each_kind_of_value_wherever_it_stands() {
    let message = Outer {
        inner: Some(Inner { id: "inner".to_owned() }),
        id: "outer".to_owned(),
        number: u64::MAX,
        wide: 7,
        list: vec!["x".to_owned(); 9],
        narrow: -1,
    };
    let bytes = message.encode_to_vec();
    assert_eq!(of_message(&bytes, &ID), Some(of_bytes(b"outer")));
    assert_eq!(of_message(&bytes, &INNER_ID), Some(of_bytes(b"inner")));
    assert_eq!(of_message(&bytes, &NUMBER), Some(u64::MAX));
    assert_eq!(of_message(&bytes, &field(&[4], FieldEncoding::Fixed64)), Some(7));
    assert_eq!(of_message(&bytes, &field(&[6], FieldEncoding::Fixed32)), Some(u64::from(u32::MAX)));
    assert_eq!(of_frame(&frame(&bytes), &ID), Some(of_bytes(b"outer")));
}

#[test]
fn what_is_absent_empty_or_zero_has_no_key() {
    assert_eq!(of_message(&[], &ID), None);
    assert_eq!(of_message(&[2 << 3 | 2, 0], &ID), None);
    assert_eq!(of_message(&[3 << 3, 0], &NUMBER), None);
    assert_eq!(of_message(&Outer { number: 1, ..Outer::default() }.encode_to_vec(), &ID), None);
    let inner = Outer { inner: Some(Inner::default()), ..Outer::default() };
    assert_eq!(of_message(&inner.encode_to_vec(), &INNER_ID), None);
}

#[test]
fn the_last_value_counts_and_parts_of_a_message_add_up() {
    let part = |id: &str| Outer { id: id.to_owned(), ..Outer::default() }.encode_to_vec();
    assert_eq!(of_message(&[part("first"), part("last")].concat(), &ID), Some(of_bytes(b"last")));
    let part =
        |id: &str| Outer { inner: Some(Inner { id: id.to_owned() }), ..Outer::default() }.encode_to_vec();
    // The second part says nothing of the field.
    assert_eq!(of_message(&[part("first"), part("")].concat(), &INNER_ID), Some(of_bytes(b"first")));
}

#[test]
fn a_field_of_another_type_is_no_value() {
    let number = Outer { number: 5, ..Outer::default() }.encode_to_vec();
    assert_eq!(of_message(&number, &field(&[3], FieldEncoding::Bytes)), None);
    assert_eq!(of_message(&number, &field(&[3, 1], FieldEncoding::Varint)), None);
}

#[test]
fn only_one_whole_message_that_is_not_compressed_has_a_key() {
    let message = Outer { id: "user".to_owned(), ..Outer::default() }.encode_to_vec();
    let mut compressed = frame(&message);
    compressed[0] = 1;
    assert_eq!(of_frame(&compressed, &ID), None);
    let two = [frame(&message), frame(&message)].concat();
    assert_eq!(of_frame(&two, &ID), None);
    let whole = frame(&message);
    for length in 0..whole.len() {
        assert_eq!(of_frame(&whole[..length], &ID), None, "{length}");
    }
}

#[test]
fn a_message_that_its_caller_has_compressed_has_the_key_that_it_had() {
    let message = Outer { id: "user".repeat(100), ..Outer::default() }.encode_to_vec();
    let key = of_frame(&frame(&message), &ID);
    let mut packed = frame(&zstd::bulk::compress(&message, 1).unwrap());
    packed[0] = PACKED;
    let of = |name, frame: &[u8]| {
        let name = HeaderValue::from_static(name);
        of_packed(frame, &HeaderMap::from_iter([(HeaderName::from_static("grpc-encoding"), name)]), &ID)
    };
    assert_eq!(of("zstd", &packed), key);
    // Another encoding, one that is not known here, none, half of it, and one that says that it is not compressed.
    assert_eq!((of("gzip", &packed), of("snappy", &packed)), (None, None));
    assert_eq!(of_packed(&packed, &HeaderMap::new(), &ID), None);
    assert_eq!((of("zstd", &packed[..9]), of("zstd", &frame(&message))), (None, None));
}

#[test]
fn a_message_of_very_many_fields_is_not_walked_to_its_end() {
    let many = Outer { list: vec![String::new(); 5_000], id: "early".to_owned(), ..Outer::default() };
    assert_eq!(of_message(&many.encode_to_vec(), &ID), Some(of_bytes(b"early")));
    let late = [many.encode_to_vec(), Outer { number: 7, ..Outer::default() }.encode_to_vec()].concat();
    assert_eq!(of_message(&late, &NUMBER), None);
}

#[test]
fn keys_are_a_promise_to_other_versions() {
    assert_eq!(of_bytes(b"a"), 0xb283_085a_8c48_6789);
    assert_eq!(of_bytes(b"01890a5d-ac96-774b-bcce-b302099a8057"), 0xfaa6_1054_7a2d_c5c0);
    assert_ne!(of_bytes(b"a"), of_bytes(b"a\0"));
    assert_ne!(of_bytes(&[0; 8]), of_bytes(&[0; 16]));
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_no_reason_to_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for field in [&ID, &NUMBER, &INNER_ID] {
            let _ = of_message(&bytes, field);
            let _ = of_frame(&bytes, field);
            let _ = of_frame(&frame(&bytes), field);
        }
    }

    #[test]
    fn agrees_with_a_decoder(first in outer(), second in outer()) {
        // Two parts of one message, as protobuf merges them.
        let bytes = [first.encode_to_vec(), second.encode_to_vec()].concat();
        let merged = Outer::decode(&bytes[..]).unwrap();
        let text = |text: &str| (!text.is_empty()).then(|| of_bytes(text.as_bytes()));
        prop_assert_eq!(of_message(&bytes, &ID), text(&merged.id));
        prop_assert_eq!(of_message(&bytes, &NUMBER), (merged.number > 0).then_some(merged.number));
        let inner = merged.inner.unwrap_or_default();
        prop_assert_eq!(of_message(&bytes, &INNER_ID), text(&inner.id));
    }

    #[test]
    fn bytes_that_were_changed_on_the_way_are_no_reason_to_panic(
        message in outer(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = message.encode_to_vec();
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for field in [&ID, &NUMBER, &INNER_ID] {
            let _ = of_message(&bytes, field);
        }
    }
}

fn outer() -> impl Strategy<Value = Outer> {
    let inner = proptest::option::of("[a-z]{0,9}".prop_map(|id| Inner { id }));
    let list = proptest::collection::vec("[a-z]{0,3}", 0..4);
    (inner, "[a-z]{0,9}", any::<u64>(), any::<u64>(), list, any::<i32>())
        .prop_map(|(inner, id, number, wide, list, narrow)| Outer { inner, id, number, wide, list, narrow })
}
