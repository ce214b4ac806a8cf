use proptest::prelude::*;

use super::*;
use crate::message::Writer;

const LIMIT: usize = 1_000;

fn message(flag: u8, text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    [&[flag], length.as_slice(), text].concat()
}

fn compressed(encoding: Encoding, text: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Some(encoding), 0);
    writer.write(message(0, text).into()).to_vec()
}

/// What comes of a body that is cut into pieces of `size` bytes.
fn read(encoding: Option<Encoding>, body: &[u8], size: usize) -> Result<Vec<u8>, MeshError> {
    let mut reader = Reader::new(Side::Server, LIMIT, encoding);
    let mut plain = Vec::new();
    for piece in body.chunks(size) {
        plain.extend_from_slice(&reader.read(Bytes::copy_from_slice(piece))?);
    }
    reader.end()?;
    Ok(plain)
}

#[test]
fn a_body_without_an_encoding_passes_as_it_is() {
    let body = [message(0, b"hello"), message(0, b""), message(0, &[b'x'; LIMIT])].concat();
    for size in 1..=body.len() {
        assert_eq!(read(None, &body, size).unwrap(), body, "{size}");
    }
}

#[test]
fn a_message_is_refused_by_its_prefix_alone() {
    let limit = u32::try_from(LIMIT).unwrap();
    for encoding in [None, Some(Encoding::Gzip)] {
        for (length, fits) in [(limit, true), (limit + 1, false), (u32::MAX, false)] {
            let prefix = [&[0], length.to_be_bytes().as_slice()].concat();
            let mut reader = Reader::new(Side::Client, LIMIT, encoding);
            let read = reader.read(prefix.into());
            assert_eq!(read.is_ok(), fits, "{length}");
            if let Err(error) = read {
                let size = Some(usize::try_from(length).unwrap());
                assert_eq!(error, MeshError::MessageTooLarge { side: Side::Client, size, limit: LIMIT });
            }
        }
    }
}

#[test]
fn a_compressed_message_comes_as_it_was_however_it_is_cut() {
    let text = [b'x'; LIMIT];
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let body =
            [compressed(encoding, &text), message(0, b"plain"), message(1, b""), compressed(encoding, &text)];
        let plain = [message(0, &text), message(0, b"plain"), message(0, b""), message(0, &text)].concat();
        let body = body.concat();
        assert!(body.len() < 200);
        for size in 1..=body.len() {
            assert_eq!(read(Some(encoding), &body, size).unwrap(), plain, "{encoding:?} {size}");
        }
    }
}

#[test]
fn a_bomb_is_too_large_and_its_size_is_not_known() {
    let body = compressed(Encoding::Gzip, &[0; LIMIT + 1]);
    let error = read(Some(Encoding::Gzip), &body, body.len()).unwrap_err();
    assert_eq!(error, MeshError::MessageTooLarge { side: Side::Server, size: None, limit: LIMIT });
}

#[test]
fn what_is_no_message_is_refused() {
    let whole = compressed(Encoding::Zstd, &[b'x'; LIMIT]);
    for (encoding, body) in [
        (None, message(1, b"no encoding")),
        (None, message(2, b"no flag")),
        (Some(Encoding::Gzip), message(1, b"no gzip")),
        (Some(Encoding::Gzip), whole.clone()),
        (Some(Encoding::Zstd), whole[..whole.len() - 1].to_vec()),
    ] {
        let error = read(encoding, &body, 7).unwrap_err();
        assert!(matches!(error, MeshError::BrokenMessage { .. }), "{error}");
    }
}

#[test]
fn tells_whether_a_message_has_begun() {
    let mut reader = Reader::new(Side::Server, LIMIT, None);
    assert!(!reader.is_within());
    reader.read(Bytes::from_static(&[0])).unwrap();
    assert!(reader.is_within());
    reader.read(Bytes::from_static(&[0, 0, 0, 1])).unwrap();
    assert!(reader.is_within());
    reader.read(Bytes::from_static(b"x")).unwrap();
    assert!(!reader.is_within());
}

proptest! {
    #[test]
    fn any_bytes_are_messages_or_none(
        bytes in proptest::collection::vec(any::<u8>(), 0..64), encoded in 0..3, size in 1..9_usize
    ) {
        let encoding = [None, Some(Encoding::Gzip), Some(Encoding::Zstd)][usize::try_from(encoded).unwrap()];
        let _ = read(encoding, &bytes, size);
    }

    #[test]
    fn any_messages_come_as_they_were(
        texts in proptest::collection::vec("[a-d]{0,300}", 0..6), min in 0..300_usize, size in 1..600_usize
    ) {
        let plain: Vec<u8> = texts.iter().flat_map(|text| message(0, text.as_bytes())).collect();
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            let sent = Writer::new(Some(encoding), min).write(plain.clone().into());
            prop_assert_eq!(&read(Some(encoding), &sent, size).unwrap(), &plain);
        }
    }
}
