//! Messages as they come from the other end.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{
    Encoding, PREFIX,
    codec::{Spoiled, decompress},
};
use crate::error::{MeshError, Side};

/// Reads the prefix of each message of a body.
///
/// A body that names no encoding passes as it is, and costs a look at five bytes of each message. Of one that names
/// an encoding the messages are put together, decompressed, and handed on as if they had come so.
#[derive(Debug)]
pub(crate) struct Reader {
    at: At,
    side: Side,
    limit: usize,
    encoding: Option<Encoding>,
    /// What has come of a message that is compressed.
    packed: BytesMut,
}

/// Which part of a message comes next.
#[derive(Clone, Copy, Debug)]
enum At {
    Prefix { bytes: [u8; PREFIX], have: usize },
    Message { left: usize, compressed: bool },
}

const BETWEEN: At = At::Prefix { bytes: [0; PREFIX], have: 0 };

impl Reader {
    /// For a body that comes to `side`.
    pub(crate) fn new(side: Side, limit: usize, encoding: Option<Encoding>) -> Self {
        Self { at: BETWEEN, side, limit, encoding, packed: BytesMut::new() }
    }

    /// Whether a message has begun and not ended.
    pub(crate) fn is_within(&self) -> bool {
        !matches!(self.at, At::Prefix { have: 0, .. })
    }

    /// What the codec gets of some data that came; nothing, if more must come first.
    ///
    /// # Errors
    /// When a message is too large, or is none.
    pub(crate) fn read(&mut self, data: Bytes) -> Result<Bytes, MeshError> {
        if self.encoding.is_none() {
            let mut rest = &data[..];
            while !rest.is_empty() {
                rest = self.step(rest)?.1;
            }
            return Ok(data);
        }
        let mut plain = BytesMut::with_capacity(data.len());
        let mut rest = &data[..];
        while !rest.is_empty() {
            let compressed = match self.at {
                At::Prefix { .. } => None,
                At::Message { compressed, .. } => Some(compressed),
            };
            let (part, left) = self.step(rest)?;
            rest = left;
            match (compressed, self.at) {
                (None, At::Message { left, compressed: false }) => put_prefix(&mut plain, left),
                // A message of no bytes is whatever its flag says.
                (None, At::Prefix { have: 0, .. }) => put_prefix(&mut plain, 0),
                (None, _) => {}
                (Some(false), _) => plain.put_slice(part),
                (Some(true), now) => {
                    self.packed.put_slice(part);
                    if matches!(now, At::Prefix { .. }) {
                        self.unpack(&mut plain)?;
                    }
                }
            }
        }
        Ok(plain.freeze())
    }

    /// The body is over.
    ///
    /// # Errors
    /// When it ends within a compressed message. Of one that is not compressed the codec has what came, and says so
    /// itself.
    pub(crate) fn end(&self) -> Result<(), MeshError> {
        if self.encoding.is_some() && self.is_within() {
            return Err(MeshError::BrokenMessage { cause: "it ends before its end" });
        }
        Ok(())
    }

    /// Goes on to the end of a prefix or a message, or as far as `data` goes. That part, and what follows it.
    fn step<'a>(&mut self, data: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), MeshError> {
        match &mut self.at {
            At::Prefix { bytes, have } => {
                let (part, rest) = data.split_at(data.len().min(PREFIX - *have));
                bytes[*have..*have + part.len()].copy_from_slice(part);
                *have += part.len();
                if *have == PREFIX {
                    let prefix = *bytes;
                    self.at = self.begin(prefix)?;
                }
                Ok((part, rest))
            }
            At::Message { left, .. } => {
                let (part, rest) = data.split_at(data.len().min(*left));
                *left -= part.len();
                if *left == 0 {
                    self.at = BETWEEN;
                }
                Ok((part, rest))
            }
        }
    }

    fn begin(&self, [flag, length @ ..]: [u8; PREFIX]) -> Result<At, MeshError> {
        let compressed = match flag {
            0 => false,
            1 if self.encoding.is_some() => true,
            // grpc/doc/compression.md: INTERNAL, and the description tells the flag.
            1 => {
                let cause = "its compressed flag is set, and no grpc-encoding says how";
                return Err(MeshError::BrokenMessage { cause });
            }
            _ => return Err(MeshError::BrokenMessage { cause: "its compressed flag is neither 0 nor 1" }),
        };
        let left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if left > self.limit {
            return Err(self.too_large(Some(left)));
        }
        Ok(if left == 0 { BETWEEN } else { At::Message { left, compressed } })
    }

    fn unpack(&mut self, plain: &mut BytesMut) -> Result<(), MeshError> {
        let packed = self.packed.split();
        let Some(encoding) = self.encoding else { return Ok(()) };
        let message = decompress(encoding, &packed, self.limit).map_err(|spoiled| match spoiled {
            Spoiled::TooLarge => self.too_large(None),
            Spoiled::Broken => MeshError::BrokenMessage { cause: "it cannot be decompressed" },
        })?;
        put_prefix(plain, message.len());
        plain.put_slice(&message);
        Ok(())
    }

    fn too_large(&self, size: Option<usize>) -> MeshError {
        MeshError::MessageTooLarge { side: self.side, size, limit: self.limit }
    }
}

/// The prefix of a message that is not compressed. Its length is at most what a prefix of the wire can say, or the
/// limit on what is decompressed.
fn put_prefix(plain: &mut BytesMut, length: usize) {
    plain.put_u8(0);
    plain.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
}

#[cfg(test)]
#[path = "reader/tests.rs"]
mod tests;
