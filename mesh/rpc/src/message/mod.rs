//! Messages on the wire, between the frames of HTTP/2 and tonic's codecs: how large they may be, and whether they
//! are compressed ("gRPC over HTTP/2", Length-Prefixed-Message; grpc/doc/compression.md).
//!
//! A message says its size in its first five bytes, so one that is too large is refused before any of it is kept.
//! Compression is here, and not in the generated code, for two reasons: it is one switch of a server or a channel
//! ([`CompressionConfig`]), and both ends of the mesh decide by size what is worth compressing.

mod body;
mod codec;
mod config;
mod encoding;
mod reader;
mod writer;

use http::HeaderMap;

pub use config::CompressionConfig;
pub use encoding::Encoding;
pub(crate) use {
    body::{Inbound, Outbound},
    encoding::{ACCEPTED, GRPC_ACCEPT_ENCODING, GRPC_ENCODING, Named, accepted, named},
    reader::Reader,
    writer::Writer,
};

/// The flag and the length of a message.
const PREFIX: usize = 5;

/// The first message's prefix and text, and what follows it; `None` if it is not whole.
pub(crate) fn split(data: &[u8]) -> Option<(&[u8; PREFIX], &[u8], &[u8])> {
    let (prefix, rest) = data.split_first_chunk::<PREFIX>()?;
    let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
    let (message, next) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((prefix, message, next))
}

/// A message as it was before it was compressed as `headers` say; `None` if that is not known here, or if it is larger
/// than messages are.
pub(crate) fn unpacked(packed: &[u8], headers: &HeaderMap) -> Option<Vec<u8>> {
    let encoding = Encoding::of(headers.get(GRPC_ENCODING)?)?;
    codec::decompress(encoding, packed, MAX_BYTES).ok()
}

/// The largest message that is taken unless another bound is set: gRPC's default, and that of tonic's codecs.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;
