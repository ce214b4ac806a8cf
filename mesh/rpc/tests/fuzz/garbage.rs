//! Bytes of every kind: none, few, many; text, and what is nearly text.

use rand::{RngExt as _, rngs::StdRng, seq::IndexedRandom as _};

/// Pieces that parsers look for.
const PIECES: [&[u8]; 24] = [
    b"0",
    b"1",
    b"-1",
    b"99999999",
    b"123456789",
    b"S",
    b"m",
    b"n",
    b"H",
    b"%",
    b"%4",
    b"%ff",
    b"%20",
    b",",
    b" ",
    b"gzip",
    b"zstd",
    b"identity",
    b"00-",
    b"-01",
    b"=",
    b"\xff",
    b"\0",
    b"AAAA",
];

/// Some bytes.
pub(crate) fn bytes(random: &mut StdRng, most: usize) -> Vec<u8> {
    let length = random.random_range(0..=most);
    match random.random_range(0..3) {
        0 => (0..length).map(|_| random.random()).collect(),
        1 => (0..length).map(|_| random.random_range(0x20..0x7f)).collect(),
        _ => {
            let mut bytes = Vec::new();
            while bytes.len() < length {
                bytes.extend_from_slice(PIECES.choose(random).unwrap());
            }
            bytes.truncate(length);
            bytes
        }
    }
}

/// A few bytes of `bytes` changed, left out, doubled or added.
pub(crate) fn mutate(random: &mut StdRng, bytes: &mut Vec<u8>) {
    for _ in 0..random.random_range(1..=8) {
        let at = random.random_range(0..=bytes.len());
        let end = (at + random.random_range(0..=16)).min(bytes.len());
        match random.random_range(0..6) {
            0 => bytes.insert(at, random.random()),
            1 => _ = bytes.drain(at..end),
            2 => {
                let doubled = bytes[at..end].to_vec();
                bytes.splice(at..at, doubled);
            }
            3 => bytes.truncate(at),
            4 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            _ if at < bytes.len() => bytes[at] = *[0, 1, 0x7f, 0x80, 0xff].choose(random).unwrap(),
            _ => {}
        }
    }
}

/// `bytes` cut into pieces.
pub(crate) fn pieces<'a>(random: &mut StdRng, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (piece, rest) = bytes.split_at(random.random_range(1..=bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
