//! The value of one field, found in the bytes of an encoded message, as a number that calls are told apart by.
//!
//! The contract names the field (`hash_key: "user_id"`), the build turns its name into field numbers
//! ([`MessageField`]), and here the message is walked field by field without decoding any: nothing is allocated, and
//! what is not on the way is jumped over. As protobuf has it, the last of several values is the value, and a message
//! that comes in parts is the sum of its parts. A field that is absent, empty or zero (in proto3 they are the same) has
//! no key; neither has a message that is in several frames or malformed.

use std::num::NonZeroU64;

use http::HeaderMap;
use mesh_policy::{FieldEncoding, MessageField};

use crate::{
    hash::mix,
    message::{split, unpacked},
};

/// How many fields are looked at before what was found is taken for the value. Encoders write fields by their numbers,
/// and keys have low ones.
const MOST_FIELDS: u32 = 1_000;

/// The first byte of a frame, whose message is not compressed or is ("gRPC over HTTP/2", Length-Prefixed-Message).
const PLAIN: u8 = 0;
const PACKED: u8 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The key of the one message that `frame` is.
pub(crate) fn of_frame(frame: &[u8], field: &MessageField) -> Option<u64> {
    match split(frame)? {
        ([PLAIN, ..], message, []) => of_message(message, field),
        _ => None,
    }
}

/// The key of the one message that `frame` is, when the caller has compressed it itself, as these headers say. It is
/// decompressed for that alone: a channel that compresses ([`CompressionConfig`](crate::CompressionConfig)) reads the
/// key before, and costs less.
pub(crate) fn of_packed(frame: &[u8], headers: &HeaderMap, field: &MessageField) -> Option<u64> {
    match split(frame)? {
        ([PACKED, ..], packed, []) => of_message(&unpacked(packed, headers)?, field),
        _ => None,
    }
}

/// The key of an encoded message.
pub(crate) fn of_message(message: &[u8], field: &MessageField) -> Option<u64> {
    let mut search = Search { encoding: field.encoding, left: MOST_FIELDS, found: None };
    match search.walk(message, field.path) {
        Ok(()) | Err(Stop::Enough) => {}
        Err(Stop::Malformed) => return None,
    }
    match search.found? {
        Value::Number(number) => NonZeroU64::new(number).map(NonZeroU64::get),
        Value::Bytes([]) => None,
        Value::Bytes(bytes) => Some(of_bytes(bytes)),
    }
}

/// The key of a value that is bytes: the same on every machine, in every version. Eight bytes at a time, little-endian.
pub(crate) fn of_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let hash = words.iter().fold(bytes.len() as u64, |hash, word| mix(hash ^ u64::from_le_bytes(*word)));
    if rest.is_empty() { hash } else { mix(hash ^ u64::from_le_bytes(last)) }
}

/// Why a walk ends before the message does.
enum Stop {
    Malformed,
    Enough,
}

struct Search<'a> {
    encoding: FieldEncoding,
    /// Fields that are still looked at.
    left: u32,
    /// The last value so far.
    found: Option<Value<'a>>,
}

impl<'a> Search<'a> {
    /// Looks for the field at `path`. Goes as deep as the path is long, which the contract has fixed.
    fn walk(&mut self, mut bytes: &'a [u8], path: &[u32]) -> Result<(), Stop> {
        let Some((number, inner)) = path.split_first() else { return Ok(()) };
        while !bytes.is_empty() {
            self.left = self.left.checked_sub(1).ok_or(Stop::Enough)?;
            let (field, encoding, value) = next(&mut bytes).ok_or(Stop::Malformed)?;
            if field != u64::from(*number) {
                continue;
            }
            match value {
                _ if inner.is_empty() && encoding == self.encoding => self.found = Some(value),
                Value::Bytes(message) if !inner.is_empty() => self.walk(message, inner)?,
                // Of another type than the contract says: an unknown field.
                _ => {}
            }
        }
        Ok(())
    }
}

/// The next field: its number, how it is written, and its value. `None`: it is none. Groups, which proto3 does not
/// have, are not read.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u64, FieldEncoding, Value<'a>)> {
    let tag = varint(bytes)?;
    let (encoding, value) = match tag & 7 {
        0 => (FieldEncoding::Varint, Value::Number(varint(bytes)?)),
        1 => (FieldEncoding::Fixed64, Value::Number(u64::from_le_bytes(take(bytes)?))),
        2 => {
            let length = usize::try_from(varint(bytes)?).ok()?;
            let (value, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            (FieldEncoding::Bytes, Value::Bytes(value))
        }
        5 => (FieldEncoding::Fixed32, Value::Number(u32::from_le_bytes(take(bytes)?).into())),
        _ => return None,
    };
    Some((tag >> 3, encoding, value))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// At most ten bytes; of the tenth, as decoders do, the lowest bit.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
