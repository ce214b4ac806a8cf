//! One message, compressed and as it was.

use std::io::{self, Read, Write as _};

use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};

use super::Encoding;

/// The fast end of both scales: this is work in the way of a call.
const GZIP_LEVEL: Compression = Compression::fast();
const ZSTD_LEVEL: i32 = 1;

/// The largest window that a zstd frame may ask for, as a power of two: 8 MiB, which RFC 8878 recommends to support.
/// A few bytes could ask for 128 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// Why a message cannot be made as it was.
#[derive(Debug)]
pub(super) enum Spoiled {
    /// It would be larger than it may be.
    TooLarge,
    /// It is not what its encoding says.
    Broken,
}

/// Compresses a message. `None` if that fails, or gains nothing.
pub(super) fn compress(encoding: Encoding, message: &[u8]) -> Option<Vec<u8>> {
    let packed = match encoding {
        Encoding::Gzip => gzip(message),
        Encoding::Zstd => zstd::bulk::compress(message, ZSTD_LEVEL),
    };
    packed.ok().filter(|packed| packed.len() < message.len())
}

fn gzip(message: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 2), GZIP_LEVEL);
    encoder.write_all(message)?;
    encoder.finish()
}

/// Makes a message as it was, of `limit` bytes at most: what a bomb would unfold beyond that is never made.
pub(super) fn decompress(encoding: Encoding, packed: &[u8], limit: usize) -> Result<Vec<u8>, Spoiled> {
    match encoding {
        Encoding::Gzip => read(GzDecoder::new(packed), packed.len(), limit),
        Encoding::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| Spoiled::Broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| Spoiled::Broken)?;
            read(decoder, packed.len(), limit)
        }
    }
}

fn read(decoder: impl Read, packed: usize, limit: usize) -> Result<Vec<u8>, Spoiled> {
    let mut message = Vec::with_capacity(packed.saturating_mul(2).min(limit));
    let more_than_limit = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(more_than_limit).read_to_end(&mut message).map_err(|_| Spoiled::Broken)?;
    if message.len() > limit { Err(Spoiled::TooLarge) } else { Ok(message) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BOTH: [Encoding; 2] = [Encoding::Gzip, Encoding::Zstd];

    #[test]
    fn what_is_compressed_comes_back() {
        let message = b"hello ".repeat(1_000);
        for encoding in BOTH {
            let packed = compress(encoding, &message).unwrap();
            assert!(packed.len() < 200, "{encoding:?}: {}", packed.len());
            assert_eq!(decompress(encoding, &packed, message.len()).unwrap(), message);
        }
    }

    #[test]
    fn what_gains_nothing_stays_as_it_is() {
        let noise: Vec<u8> = (0..255).collect();
        assert!(BOTH.into_iter().all(|encoding| compress(encoding, &noise).is_none()));
    }

    #[test]
    fn a_bomb_is_not_unfolded() {
        let bomb = vec![0; 64 << 20];
        for encoding in BOTH {
            let packed = compress(encoding, &bomb).unwrap();
            assert!(packed.len() < 400_000);
            assert!(matches!(decompress(encoding, &packed, 1 << 20), Err(Spoiled::TooLarge)));
        }
    }

    #[test]
    fn a_frame_that_asks_for_a_huge_window_is_refused() {
        // Magic, a frame header without a size of its content, and a window of 2^31 bytes (RFC 8878, section 3.1.1).
        let packed = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
        assert!(matches!(decompress(Encoding::Zstd, &packed, 1 << 20), Err(Spoiled::Broken)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            for encoding in BOTH {
                if let Ok(message) = decompress(encoding, &bytes, 1_000) {
                    prop_assert!(message.len() <= 1_000);
                }
            }
        }

        #[test]
        fn any_message_comes_back(bytes in "[a-c]{64,512}") {
            for encoding in BOTH {
                if let Some(packed) = compress(encoding, bytes.as_bytes()) {
                    prop_assert_eq!(decompress(encoding, &packed, bytes.len()).unwrap(), bytes.as_bytes());
                }
            }
        }
    }
}
