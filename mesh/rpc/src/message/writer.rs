//! Messages on their way to the other end.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{Encoding, PREFIX, codec::compress, split};

/// Compresses the messages of a body that are large enough.
///
/// Codecs hand over whole messages. Data that does not end with one passes as it is, and so does all that follows.
#[derive(Debug)]
pub(crate) struct Writer {
    encoding: Option<Encoding>,
    min: usize,
}

impl Writer {
    /// Without an encoding everything passes as it is.
    pub(crate) fn new(encoding: Option<Encoding>, min: usize) -> Self {
        Self { encoding, min }
    }

    /// What is sent of some data.
    pub(crate) fn write(&mut self, data: Bytes) -> Bytes {
        let Some(encoding) = self.encoding else { return data };
        if data.len() < self.min.saturating_add(PREFIX) {
            return self.pass(data);
        }
        let mut sent = BytesMut::new();
        let mut rest = &data[..];
        while !rest.is_empty() {
            let Some((prefix, message, next)) = split(rest) else {
                self.encoding = None;
                break;
            };
            match (prefix[0] == 0 && message.len() >= self.min).then(|| compress(encoding, message)).flatten()
            {
                Some(packed) => {
                    sent.put_u8(1);
                    sent.put_u32(u32::try_from(packed.len()).unwrap_or(u32::MAX));
                    sent.put_slice(&packed);
                }
                None => {
                    sent.put_slice(prefix);
                    sent.put_slice(message);
                }
            }
            rest = next;
        }
        sent.put_slice(rest);
        sent.freeze()
    }

    /// Data that holds no message worth compressing.
    fn pass(&mut self, data: Bytes) -> Bytes {
        let mut rest = &data[..];
        while let Some((_, _, next)) = split(rest) {
            rest = next;
        }
        if !rest.is_empty() {
            self.encoding = None;
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &[u8]) -> Vec<u8> {
        [&[0], u32::try_from(text.len()).unwrap().to_be_bytes().as_slice(), text].concat()
    }

    #[test]
    fn only_large_messages_are_compressed() {
        let mut writer = Writer::new(Some(Encoding::Gzip), 100);
        let small = Bytes::from(message(&[b'x'; 99]));
        assert_eq!(writer.write(small.clone()), small);
        let both = [small.as_ref(), &message(&[b'x'; 100])].concat();
        let sent = writer.write(both.into());
        let (plain, packed) = sent.split_at(small.len());
        assert_eq!((plain, packed[0]), (small.as_ref(), 1));
        assert!(packed.len() < 60, "{}", packed.len());
    }

    #[test]
    fn without_an_encoding_nothing_is_looked_at() {
        let data = Bytes::from(message(&[b'x'; 5_000]));
        assert_eq!(Writer::new(None, 0).write(data.clone()).as_ptr(), data.as_ptr());
    }

    #[test]
    fn what_is_cut_otherwise_passes_as_it_is() {
        let whole = message(&[b'x'; 5_000]);
        let (first, second) = whole.split_at(200);
        for min in [0, 1_000] {
            let mut writer = Writer::new(Some(Encoding::Zstd), min);
            let sent = [writer.write(first.to_vec().into()), writer.write(second.to_vec().into())].concat();
            assert_eq!(sent, whole);
        }
    }
}
