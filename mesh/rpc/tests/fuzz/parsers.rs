//! The parsers alone.

use std::net::SocketAddr;

use mesh_policy::{FieldEncoding, MessageField};
use mesh_rpc::{Encoding, HashKey, Target, parsers};
use mesh_telemetry::TraceContext;
use rand::RngExt as _;
use tonic::Code;

use crate::{
    cases::each,
    garbage::{bytes, mutate, pieces},
};

const CASES: u64 = 20_000;

#[test]
fn timeouts() {
    each("timeouts", CASES, |random| {
        if let Some((timeout, written)) = parsers::timeout(&bytes(random, 12)) {
            let (again, _) = parsers::timeout(written.as_bytes()).unwrap();
            assert!(again <= timeout);
        }
    });
}

#[test]
fn pushbacks() {
    each("pushbacks", CASES, |random| {
        let (one, other) = (bytes(random, 8), bytes(random, 8));
        parsers::pushback(&[&one]);
        parsers::pushback(&[&one, &other]);
    });
}

#[test]
fn traces() {
    each("traces", CASES, |random| {
        let mut header = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_vec();
        mutate(random, &mut header);
        for header in [header, bytes(random, 60)] {
            if let Some(sent) = parsers::traceparent(&header) {
                TraceContext::parse(sent.to_str().unwrap()).unwrap();
            }
        }
    });
}

#[test]
fn encodings() {
    each("encodings", CASES, |random| {
        let (name, accepts) = (bytes(random, 8), bytes(random, 30));
        let (_, encoding) = parsers::encodings(&name, &accepts);
        if let Some(encoding) = encoding {
            assert!(String::from_utf8_lossy(&accepts).contains(encoding.name()));
        }
    });
}

#[test]
fn statuses() {
    each("statuses", CASES, |random| {
        let (message, details) = (bytes(random, 20), bytes(random, 20));
        if let Some(status) = parsers::status(b"5", &message, &details) {
            assert_eq!(status.code(), Code::NotFound);
        }
        parsers::status(&bytes(random, 3), &message, &details);
    });
}

#[test]
fn targets() {
    each("targets", CASES, |random| {
        let mut text = [
            "static:///127.0.0.1:1,[::1]:2",
            "dns:///user.default.svc:50051",
            "dns://127.0.0.1:53/user.default.svc:50051",
            "k8s:///default/user:grpc",
            "file:///run/endpoints",
            "unix:///run/a.sock",
            "",
        ][random.random_range(0..7)]
        .as_bytes()
        .to_vec();
        mutate(random, &mut text);
        if let Ok(target) = String::from_utf8_lossy(&text).parse::<Target>() {
            assert_eq!(target.to_string().parse(), Ok(target));
        }
    });
}

#[test]
fn message_keys() {
    let field = |path, encoding| MessageField { name: "key", path, encoding };
    let fields = [
        (field(&[1], FieldEncoding::Bytes), HashKey::of("here")),
        (field(&[2], FieldEncoding::Varint), HashKey(7)),
        (field(&[3, 1], FieldEncoding::Bytes), HashKey::of("there")),
    ];
    let sound = message(b"\x0a\x04here\x10\x07\x1a\x07\x0a\x05there");
    for (field, key) in &fields {
        assert_eq!(parsers::message_key(&sound, field), Some(key.0));
    }
    each("message_keys", CASES, |random| {
        let mut frame = sound.clone();
        mutate(random, &mut frame);
        let any = message(&bytes(random, 60));
        for (field, _) in &fields {
            parsers::message_key(&frame, field);
            parsers::message_key(&any, field);
        }
    });
}

#[test]
fn keys_of_compressed_messages() {
    let field = MessageField { name: "key", path: &[1], encoding: FieldEncoding::Bytes };
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let key = "here".repeat(20);
        let plain = message(&[b"\x0a\x50", key.as_bytes()].concat());
        let sound = parsers::compressed(encoding, 0, &plain).to_vec();
        assert_eq!(parsers::packed_message_key(&sound, encoding, &field), Some(HashKey::of(&key).0));
        each("keys_of_compressed_messages", CASES / 10, |random| {
            let mut frame = sound.clone();
            mutate(random, &mut frame);
            parsers::packed_message_key(&frame, encoding, &field);
        });
    }
}

#[test]
fn endpoint_slices() {
    const LIST: &str = r#"{"metadata":{"resourceVersion":"1","continue":""},"items":[{"metadata":{"name":"a",
        "resourceVersion":"1"},"ports":[{"name":"grpc","port":50051}],"endpoints":[{"addresses":["10.0.0.1"],
        "conditions":{"ready":true,"serving":null,"terminating":false},"zone":"z","targetRef":{"uid":"u"}}]}]}"#;
    const WATCH: &str = concat!(
        r#"{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"2"},"ports":[{"name":"grpc","port":9}],"#,
        r#""endpoints":[{"addresses":["fd00::2"]}]}}"#,
        "\n",
        r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"3"}}}"#,
        "\n",
        r#"{"type":"DELETED","object":{"metadata":{"name":"a","resourceVersion":"4"}}}"#,
        "\n",
        r#"{"type":"ERROR","object":{"code":410,"message":"too old"}}"#,
        "\n",
    );
    assert_eq!(parsers::endpoint_slices(LIST.as_bytes(), &[], "grpc"), ["10.0.0.1:50051"]);
    assert_eq!(parsers::endpoint_slices(LIST.as_bytes(), &[WATCH.as_bytes()], "grpc"), ["[fd00::2]:9"]);
    each("endpoint_slices", CASES / 10, |random| {
        let (mut list, mut watch) = (LIST.as_bytes().to_vec(), WATCH.as_bytes().to_vec());
        // A list that cannot be read ends it: half of them are sound.
        if random.random() {
            mutate(random, &mut list);
        }
        mutate(random, &mut watch);
        let whole = parsers::endpoint_slices(&list, &[&watch], "grpc");
        // However it comes in pieces, it comes to the same.
        assert_eq!(parsers::endpoint_slices(&list, &pieces(random, &watch), "grpc"), whole);
        assert!(whole.iter().all(|endpoint| endpoint.parse::<SocketAddr>().is_ok()), "{whole:?}");
    });
}

fn message(text: &[u8]) -> Vec<u8> {
    [&[0], u32::try_from(text.len()).unwrap().to_be_bytes().as_slice(), text].concat()
}

#[test]
fn messages() {
    const LIMIT: usize = 300;
    let encodings = [None, Some(Encoding::Gzip), Some(Encoding::Zstd)];
    each("messages", CASES / 10, |random| {
        let encoding = encodings[random.random_range(0..3)];
        let plain: Vec<u8> =
            (0..random.random_range(0..4)).flat_map(|_| message(&bytes(random, LIMIT))).collect();
        let sent = match encoding {
            Some(encoding) => parsers::compressed(encoding, random.random_range(0..100), &plain).to_vec(),
            None => plain.clone(),
        };
        let read = parsers::messages(encoding, LIMIT, &pieces(random, &sent));
        assert_eq!(read.as_deref(), Some(plain.as_slice()));
        let mut broken = sent;
        mutate(random, &mut broken);
        let read = parsers::messages(encoding, LIMIT, &pieces(random, &broken)).unwrap_or_default();
        // What is read is never more than its messages may hold.
        assert!(encoding.is_none() || read.len() <= (broken.len() / 5 + 1) * (LIMIT + 5));
    });
}
